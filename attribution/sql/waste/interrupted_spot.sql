-- One row per workload and currency that loses more than a tenth of what it costs with nodes
-- that are taken back: what attempts cost that the platform's faults ended, on clusters with
-- spot. It is what spot costs beside its price. It comes by chance: its rate is that of all days that
-- are looked at, not of those since the first loss.
-- Cost of the fix = the lesser of what on demand costs more than spot (both by the bill's own lines of the spot
-- nodes, of which list is on demand), by the workload's part of what its clusters cost, and of what other pools would lose
-- still: the rerun rate of spot x what it costs.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        words['failed-retried.platform_errors'] as limit_platform_errors,
        number['spot-able.rerun_rate'] as limit_rerun_rate,
        number['interrupted-spot.enabled'] as limit_enabled,
        number['interrupted-spot.min_runs'] as limit_min_runs,
        number['interrupted-spot.min_share'] as limit_min_share
    from waste_limits
),
runs as (
    select r.*, s.team as team_now, l.limit_min_runs, l.limit_min_share, l.limit_rerun_rate,
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
        max(limit_rerun_rate) as rerun_rate, list(run_id order by started_at desc) filter (where is_lost) as run_ids
    from runs
    group by workload, billing_currency
    having count(*) filter (where is_lost) >= max(limit_min_runs)
        and cast(sum(effective_cost) filter (where is_lost) as double)
            >= max(limit_min_share) * cast(sum(effective_cost) as double)
),
premiums as (
    -- What the spot nodes of a cluster would have cost more on demand; nothing is known of that where
    -- the bill has no list price, or spot's own.
    select
        g.cluster_id, g.usage_date, g.billing_currency,
        sum(case when g.list_cost > g.effective_cost then g.list_cost - g.effective_cost end) as premium
    from charge_groups g
    join stg_nodes n on n.resource_id = g.resource_id
    join waste_days b on g.usage_date between b.first_day and b.last_day
    where g.is_node = 1 and n.market = 'spot' and g.cluster_id is not null
    group by all
),
parts as (
    -- Which part of a cluster's day was the workload's: idle hours of it are nobody's gain or loss.
    select c.cluster_id, c.usage_date, c.billing_currency, c.workload,
        cast(sum(c.effective_cost) filter (where c.category = 'usage') as double)
            / nullif(sum(sum(cast(c.effective_cost as double))) over (partition by c.cluster_id, c.usage_date, c.billing_currency), 0) as part
    from daily_costs c
    join waste_days b on c.usage_date between b.first_day and b.last_day
    where c.category in ('usage', 'idle') and c.cluster_id in (select cluster_id from premiums)
    group by c.cluster_id, c.usage_date, c.billing_currency, c.workload
),
on_demand as (
    select p.workload, p.billing_currency, sum(cast(m.premium as double) * p.part) as premium
    from parts p
    join premiums m on m.cluster_id = p.cluster_id and m.usage_date = p.usage_date and m.billing_currency = p.billing_currency
    where p.workload is not null
    group by p.workload, p.billing_currency
),
fixes as (
    -- A month of either way to mend it.
    select
        w.workload, w.billing_currency, m.premium / b.days * 30.4375 as on_demand_cost,
        cast(w.effective_cost as double) * w.rerun_rate / b.days * 30.4375 as still_lost
    from wasteful w
    cross join (select date_diff('day', first_day, last_day) + 1 as days from waste_days) b
    left join on_demand m on m.workload = w.workload and m.billing_currency = w.billing_currency
),
daily as (
    select w.workload, w.billing_currency, r.run_nr, d.usage_date, sum(d.effective_cost) as amount
    from wasteful w
    join runs r on r.workload = w.workload and r.billing_currency = w.billing_currency and r.is_lost
    join run_days d on d.engine = r.engine and d.run_id = r.run_id and d.billing_currency = r.billing_currency
    join waste_days b on d.usage_date between b.first_day and b.last_day
    group by all
)
select
    'interrupted-spot' as detector, 'workload' as subject_kind, w.workload as subject, w.team, w.billing_currency,
    least(f.on_demand_cost, f.still_lost) as fix_cost, cast(null as integer) as rate_days, 'medium' as confidence,
    json_object(
        'runs', w.runs, 'lost', w.lost, 'lost_cost', w.lost_cost, 'cost', w.effective_cost,
        'on_demand_costs_more_a_month', round(f.on_demand_cost, 2), 'other_pools_lose_a_month', round(f.still_lost, 2),
        'latest', w.run_ids[:10]
    ) as evidence,
    ['its clusters have spot nodes', 'the error says that nodes were lost'] as guards,
    '# in the job''s submission:' || chr(10)
        || '--conf spark.decommission.enabled=true --conf spark.storage.decommission.enabled=true --conf spark.storage.decommission.shuffleBlocks.enabled=true'
        || chr(10) || case when f.on_demand_cost < f.still_lost
            then '# and its workers on demand, which costs less than what spot loses'
            else '# and more instance types in the fleet, AllocationStrategy price-capacity-optimized'
                || case when f.on_demand_cost is null then '' else ': on demand would cost more' end end as action,
    list_append(
        list(struct_pack(pot_kind := 'workload', pot := w.workload, run_nr := c.run_nr, table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(c.amount as decimal(38, 12))) order by c.usage_date, c.run_nr),
        -- Of no pot: since when it is watched for.
        struct_pack(pot_kind := 'workload', pot := cast(null as varchar), run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := (select first_day from waste_days), amount := cast(0 as decimal(38, 12)))
    ) as claims
from wasteful w
join daily c on c.workload = w.workload and c.billing_currency = w.billing_currency
join fixes f on f.workload = w.workload and f.billing_currency = w.billing_currency
group by all
