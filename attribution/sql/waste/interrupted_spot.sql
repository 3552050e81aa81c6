-- One row per workload and currency that loses more than a tenth of what it costs with nodes
-- that are taken back: what attempts cost that the platform's faults ended, on clusters with
-- spot. It is what spot costs beside its price.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        words['failed-retried.platform_errors'] as limit_platform_errors,
        number['interrupted-spot.enabled'] as limit_enabled,
        number['interrupted-spot.min_runs'] as limit_min_runs,
        number['interrupted-spot.min_share'] as limit_min_share
    from waste_limits
),
runs as (
    select r.*, s.team as team_now, l.limit_min_runs, l.limit_min_share,
        r.status = 'failed'
            and len(list_filter(l.limit_platform_errors, lambda w: contains(lower(coalesce(r.error, '')), lower(w)))) > 0
            as is_lost
    from waste_runs r
    join waste_clusters k on k.cluster_id = r.cluster_id and k.has_spot
    join waste_subjects s on s.subject_kind = 'workload' and s.subject = r.workload
    join limits l on l.profile = s.profile
    where l.limit_enabled > 0
),
wasteful as (
    select
        workload, billing_currency, max(team_now) as team, count(*) as runs, count(*) filter (where is_lost) as lost,
        sum(effective_cost) as effective_cost, sum(effective_cost) filter (where is_lost) as lost_cost,
        list(run_id order by started_at desc) filter (where is_lost) as run_ids
    from runs
    group by workload, billing_currency
    having count(*) filter (where is_lost) >= max(limit_min_runs)
        and cast(sum(effective_cost) filter (where is_lost) as double)
            >= max(limit_min_share) * cast(sum(effective_cost) as double)
),
daily as (
    select w.workload, w.billing_currency, d.usage_date, sum(d.effective_cost) as amount
    from wasteful w
    join runs r on r.workload = w.workload and r.billing_currency = w.billing_currency and r.is_lost
    join run_days d on d.engine = r.engine and d.run_id = r.run_id and d.billing_currency = r.billing_currency
    join waste_days b on d.usage_date between b.first_day and b.last_day
    group by all
)
select
    'interrupted-spot' as detector, 'workload' as subject_kind, w.workload as subject, w.team, w.billing_currency,
    0.0 as fix_cost, 28 as rate_days, 'medium' as confidence,
    json_object('runs', w.runs, 'lost', w.lost, 'lost_cost', w.lost_cost, 'cost', w.effective_cost, 'latest', w.run_ids[:10]) as evidence,
    ['its clusters have spot nodes', 'the error says that nodes were lost'] as guards,
    '--conf spark.decommission.enabled=true --conf spark.storage.decommission.enabled=true --conf spark.storage.decommission.shuffleBlocks.enabled=true'
        || chr(10) || '-- more instance types in the fleet (price-capacity-optimized), or on demand for this one' as action,
    list(struct_pack(pot_kind := 'workload', pot := w.workload, usage_date := c.usage_date, amount := cast(c.amount as decimal(38, 12))) order by c.usage_date) as claims
from wasteful w
join daily c on c.workload = w.workload and c.billing_currency = w.billing_currency
group by all
