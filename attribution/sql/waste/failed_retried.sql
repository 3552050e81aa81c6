-- One row per workload and currency whose attempts fail: what attempts cost that did not
-- succeed. Cancelled ones are somebody's wish, tests are meant to fail, and what goes on from a
-- checkpoint is not lost (both by name, and where the next attempt of a step wrote nothing anew).
-- Key: subject, billing_currency
with runs as (
    select r.*, s.team as team_now, l.number, l.words
    from waste_runs r
    join waste_subjects s on s.subject_kind = 'workload' and s.subject = r.workload
    join waste_limits l on l.profile = s.profile
    where l.number['failed-retried.enabled'] > 0 and r.engine <> 'flink'
),
shares as (
    select
        workload, billing_currency, max(team_now) as team,
        count(*) as runs,
        count(*) filter (where status = 'failed') as failed,
        sum(effective_cost) as effective_cost,
        coalesce(sum(effective_cost) filter (where status = 'failed'), 0) as failed_cost,
        mode(error) filter (where status = 'failed') as error,
        max(number['failed-retried.min_share']) as min_share,
        max(number['failed-retried.min_runs']) as min_runs,
        any_value(words['failed-retried.exempt']) as exempt,
        list(distinct run_id order by run_id) filter (where status = 'failed') as run_ids
    from runs
    group by workload, billing_currency
),
wasteful as (
    select *
    from shares
    where failed >= min_runs and failed >= min_share * runs
        and len(list_filter(exempt, lambda p: workload like replace(replace(p, '_', '!_'), '*', '%') escape '!')) = 0
),
daily as (
    select w.workload, w.billing_currency, r.usage_date, sum(r.effective_cost) as amount
    from wasteful w
    join run_days r on r.workload = w.workload and r.billing_currency = w.billing_currency and r.status = 'failed'
    join waste_days d on r.usage_date between d.first_day and d.last_day
    group by all
)
select
    'failed-retried' as detector, 'workload' as subject_kind, w.workload as subject, w.team, w.billing_currency,
    0.0 as fix_cost, 28 as rate_days, 'high' as confidence,
    json_object(
        'runs', w.runs, 'failed', w.failed, 'failed_cost', w.failed_cost, 'cost', w.effective_cost,
        'most_frequent_error', w.error, 'failed_runs', w.run_ids[:10]
    ) as evidence,
    ['cancelled runs are not counted', 'its name is neither a test''s nor a backfill''s'] as guards,
    '-- most frequent error: ' || coalesce(replace(w.error, chr(10), ' '), 'unknown') || chr(10)
        || case
            when w.error ilike '%OutOfMemory%' then '--conf spark.executor.memoryOverheadFactor=0.3  -- and raise spark.executor.memory'
            when w.error ilike '%FetchFailed%' or w.error ilike '%lost%' then '--conf spark.decommission.enabled=true --conf spark.storage.decommission.shuffleBlocks.enabled=true'
            else '-- fail early: check inputs in a first step, and let it be retried only where that helps'
        end as action,
    list(struct_pack(pot_kind := 'workload', pot := w.workload, usage_date := c.usage_date, amount := cast(c.amount as decimal(38, 12))) order by c.usage_date) as claims
from wasteful w
join daily c on c.workload = w.workload and c.billing_currency = w.billing_currency
group by all
