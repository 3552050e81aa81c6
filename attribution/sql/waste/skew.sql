-- One row per Spark workload and currency in which one task keeps a stage: it takes ten times
-- the median of tasks that take more than five seconds, and no other stage uses the slots.
-- Waste = run cost x (stage's wall time - what it would take with even tasks) x slots / core time
-- held; that is its task time / slots, and no less than one of its tasks takes.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['skew.enabled'] as limit_enabled,
        number['skew.min_median_ms'] as limit_min_median_ms,
        number['skew.min_ratio'] as limit_min_ratio,
        number['skew.max_overlap'] as limit_max_overlap,
        number['skew.min_runs'] as limit_min_runs
    from waste_limits
),
stages as (
    select
        s.engine, s.run_id, s.stage_id, s.stage_attempt, s.started_at, s.ended_at, s.tasks, s.task_ms,
        s.task_ms_max, s.task_ms_median,
        epoch_ms(s.ended_at) - epoch_ms(s.started_at) as wall_ms,
        cast(s.task_ms as double) / greatest(s.tasks, 1) as mean_ms,
        cast(r.vcore_ms as double) / greatest(epoch_ms(coalesce(r.ended_at, s.ended_at)) - epoch_ms(r.started_at), 1) as slots,
        r.vcore_ms
    from landed_run_stages s
    join stg_runs r on r.engine = s.engine and r.run_id = s.run_id and r.source_object = s.source_object
    where s.status = 'succeeded' and s.started_at is not null and s.ended_at > s.started_at and r.vcore_ms > 0
),
skewed as (
    select s.*, w.run_nr, w.workload, w.billing_currency, u.team, l.limit_max_overlap, l.limit_min_runs, l.limit_min_median_ms
    from stages s
    join waste_runs w on w.engine = s.engine and w.run_id = s.run_id
    join waste_subjects u on u.subject_kind = 'workload' and u.subject = w.workload
    join limits l on l.profile = u.profile
    where w.status = 'succeeded' and l.limit_enabled > 0
        and s.task_ms_median > l.limit_min_median_ms
        and s.task_ms_max > l.limit_min_ratio * s.task_ms_median
),
meanwhile as (
    -- Milliseconds of the stage in which another stage of the run went on.
    select
        k.engine, k.run_id, k.stage_id, k.stage_attempt,
        max(epoch_ms(least(k.ended_at, o.ended_at)) - epoch_ms(greatest(k.started_at, o.started_at))) as overlap_ms
    from (select distinct engine, run_id, stage_id, stage_attempt, started_at, ended_at from skewed) k
    join stages o
        on o.engine = k.engine and o.run_id = k.run_id
        and (o.stage_id <> k.stage_id or o.stage_attempt <> k.stage_attempt)
        and o.started_at < k.ended_at and o.ended_at > k.started_at
    group by k.engine, k.run_id, k.stage_id, k.stage_attempt
),
wasted as (
    select
        k.workload, k.billing_currency, k.team, k.engine, k.run_id, k.run_nr, k.limit_max_overlap, k.limit_min_runs, k.limit_min_median_ms,
        max(k.task_ms_max) as longest_ms, max(k.task_ms_median) as median_ms,
        least(1, sum(greatest(0, k.wall_ms - greatest(k.task_ms / k.slots, k.mean_ms)) * k.slots / k.vcore_ms)) as ratio
    from skewed k
    left join meanwhile o
        on o.engine = k.engine and o.run_id = k.run_id and o.stage_id = k.stage_id and o.stage_attempt = k.stage_attempt
    -- The long task alone is what keeps it: slots that another stage has meanwhile are not wasted.
    where coalesce(o.overlap_ms, 0) < k.limit_max_overlap * greatest(k.wall_ms - greatest(k.task_ms / k.slots, k.mean_ms), 1)
    group by k.workload, k.billing_currency, k.team, k.engine, k.run_id, k.run_nr, k.limit_max_overlap, k.limit_min_runs, k.limit_min_median_ms
),
wasteful as (
    select workload, billing_currency, max(team) as team, count(*) as runs, median(longest_ms) as longest_ms,
        median(median_ms) as median_ms, avg(ratio) as ratio, max(limit_min_runs) as min_runs, max(limit_min_median_ms) as min_median_ms
    from wasted
    group by workload, billing_currency
),
daily as (
    select k.workload, k.billing_currency, k.run_nr, r.usage_date,
        sum(cast(round(cast(r.effective_cost as double) * k.ratio, 12) as decimal(38, 12))) as amount
    from wasted k
    join run_days r on r.engine = k.engine and r.run_id = k.run_id and r.billing_currency = k.billing_currency
    join waste_days d on r.usage_date between d.first_day and d.last_day
    group by all
)
select
    'skew' as detector, 'workload' as subject_kind, w.workload as subject, w.team, w.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'medium' as confidence,
    json_object(
        'skewed_runs', w.runs, 'longest_task_ms', w.longest_ms, 'median_task_ms', w.median_ms,
        'times_the_median', round(w.longest_ms / w.median_ms, 1), 'wasted_share', round(w.ratio, 4)
    ) as evidence,
    ['no other stage used the slots meanwhile', 'median tasks take more than ' || round(w.min_median_ms / 1000, 1) || ' seconds', 'only stages that succeeded'] as guards,
    '# in the job''s submission:' || chr(10) || '--conf spark.sql.adaptive.skewJoin.enabled=true --conf spark.sql.adaptive.skewJoin.skewedPartitionFactor=3' || chr(10)
        || '# one key that stays large: salt it, group in two steps, or set nulls aside before the join' as action,
    list(struct_pack(pot_kind := 'workload', pot := w.workload, run_nr := c.run_nr, table_id := cast(null as varchar), usage_date := c.usage_date, amount := c.amount) order by c.usage_date, c.run_nr) as claims
from wasteful w
join daily c on c.workload = w.workload and c.billing_currency = w.billing_currency
where w.runs >= w.min_runs
group by all
