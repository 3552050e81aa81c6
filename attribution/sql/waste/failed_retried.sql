-- One row per workload and currency whose attempts fail by their own fault: what attempts cost
-- that did not succeed, on days around which three and more and at least a tenth of all failed.
-- Cancelled ones are somebody's wish, those lost with their nodes are the platform's
-- (interrupted-spot), tests are meant to fail, and what goes on from a checkpoint is not lost (both by name).
-- Its rate is that of all days the workload is known of, not of those since the first failure: a few of one day are no month of them.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        words['failed-retried.platform_errors'] as limit_platform_errors,
        number['failed-retried.enabled'] as limit_enabled,
        words['failed-retried.exempt'] as limit_exempt,
        number['failed-retried.min_runs'] as limit_min_runs,
        number['failed-retried.min_share'] as limit_min_share
    from waste_limits
),
asked as (
    select s.subject as workload, s.team as team_now, l.limit_platform_errors, l.limit_min_runs, l.limit_min_share
    from waste_subjects s
    join limits l on l.profile = s.profile
    where s.subject_kind = 'workload' and l.limit_enabled > 0
        and len(list_filter(
            l.limit_exempt, lambda p: s.subject like replace(replace(p, '_', '!_'), '*', '%') escape '!'
        )) = 0
),
runs as (
    select r.*, s.team_now, s.limit_min_runs, s.limit_min_share,
        case when r.status = 'failed'
            then len(list_filter(s.limit_platform_errors, lambda w: contains(lower(coalesce(r.error, '')), lower(w)))) = 0
            else false end as is_own
    from waste_runs r
    join asked s on s.workload = r.workload
    where r.engine <> 'flink'
),
days as (
    select workload, billing_currency, first_on as day, count(*) as runs, count(*) filter (where is_own) as failed
    from runs
    group by all
),
around as (
    select
        d.workload, d.billing_currency, d.day,
        sum(o.runs) as runs, sum(o.failed) as failed
    from days d
    join days o on o.workload = d.workload and o.billing_currency = d.billing_currency and o.day between d.day - 7 and d.day + 7
    where d.failed > 0
    group by all
),
failures as (
    select r.*, a.failed as failed_around, a.runs as runs_around
    from runs r
    join around a on a.workload = r.workload and a.billing_currency = r.billing_currency and a.day = r.first_on
    where r.is_own and a.failed >= r.limit_min_runs and a.failed >= r.limit_min_share * a.runs
),
wasteful as (
    select
        f.workload, f.billing_currency, max(f.team_now) as team,
        count(*) as failed, sum(f.effective_cost) as failed_cost,
        max(f.failed_around / f.runs_around) as worst_share,
        any_value(n.first_on) as watched_from,
        mode(f.error) as error,
        list(distinct f.run_id order by f.run_id) as run_ids
    from failures f
    join (select workload, billing_currency, min(first_on) as first_on from runs group by all) n
        on n.workload = f.workload and n.billing_currency = f.billing_currency
    group by f.workload, f.billing_currency
),
daily as (
    select f.workload, f.billing_currency, f.run_nr, r.usage_date, sum(r.effective_cost) as amount
    from failures f
    join run_days r on r.engine = f.engine and r.run_id = f.run_id and r.billing_currency = f.billing_currency
    join waste_days d on r.usage_date between d.first_day and d.last_day
    group by all
)
select
    'failed-retried' as detector, 'workload' as subject_kind, w.workload as subject, w.team, w.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'high' as confidence,
    json_object(
        'failed', w.failed, 'failed_cost', w.failed_cost, 'worst_share_in_15_days', round(w.worst_share, 4),
        'most_frequent_error', w.error, 'failed_runs', w.run_ids[:10]
    ) as evidence,
    ['cancelled runs and those lost with their nodes are not counted', 'its name is neither a test''s nor a backfill''s'] as guards,
    '# most frequent error: ' || coalesce(comment_text(w.error), 'unknown') || chr(10)
        || case
            when w.error ilike '%OutOfMemory%' then '# in the job''s submission, and raise spark.executor.memory:' || chr(10) || '--conf spark.executor.memoryOverheadFactor=0.3'
            when w.error ilike '%FetchFailed%' or w.error ilike '%lost%' then '# in the job''s submission:' || chr(10) || '--conf spark.decommission.enabled=true --conf spark.storage.decommission.shuffleBlocks.enabled=true'
            else '# fail early: check inputs in a first step, and let it be retried only where that helps'
        end as action,
    list_append(
        list(struct_pack(pot_kind := 'workload', pot := w.workload, run_nr := c.run_nr, table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(c.amount as decimal(38, 12))) order by c.usage_date, c.run_nr),
        -- Of no pot: since when it is watched for.
        struct_pack(pot_kind := 'workload', pot := cast(null as varchar), run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := any_value(w.watched_from), amount := cast(0 as decimal(38, 12)))
    ) as claims
from wasteful w
join daily c on c.workload = w.workload and c.billing_currency = w.billing_currency
group by all
