-- One row per Spark workload and currency whose tasks spill to disk: more than a fifth of what
-- they read and shuffle, and more than 10 GB a run.
-- Waste = run cost x (task time of stages that spill / task time) x (1 - 1 / slowdown); how
-- much slower a spilling task is, is a setting. What adaptive execution ran again in smaller parts
-- spilled once and stays under the ratio.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['spill.min_bytes'] as limit_min_bytes,
        number['spill.min_ratio'] as limit_min_ratio,
        number['spill.enabled'] as limit_enabled,
        number['spill.slowdown'] as limit_slowdown
    from waste_limits
),
stages as (
    select
        s.engine, s.run_id,
        sum(s.task_ms) as task_ms,
        coalesce(sum(s.task_ms) filter (where s.disk_spilled_bytes > 0), 0) as spilling_ms,
        sum(s.disk_spilled_bytes) as spilled_bytes,
        sum(s.input_bytes + s.shuffle_read_bytes) as moved_bytes
    from landed_run_stages s
    join stg_runs r on r.engine = s.engine and r.run_id = s.run_id and r.source_object = s.source_object
    group by s.engine, s.run_id
),
runs as (
    select
        r.engine, r.run_id, r.run_nr, r.workload, r.billing_currency, t.task_ms, t.spilling_ms, t.spilled_bytes,
        greatest(t.moved_bytes, 1) as moved_bytes,
        t.spilled_bytes > l.limit_min_bytes
            and t.spilled_bytes > l.limit_min_ratio * greatest(t.moved_bytes, 1) as spills,
        s.team, l.limit_slowdown
    from waste_runs r
    join stages t on t.engine = r.engine and t.run_id = r.run_id
    join waste_subjects s on s.subject_kind = 'workload' and s.subject = r.workload
    join limits l on l.profile = s.profile
    where r.engine = 'spark' and r.status = 'succeeded' and l.limit_enabled > 0
),
wasteful as (
    select
        workload, billing_currency, max(team) as team,
        count(*) as runs,
        count(*) filter (where spills) as spilling_runs,
        sum(spilled_bytes) filter (where spills) as spilled_bytes,
        sum(moved_bytes) filter (where spills) as moved_bytes,
        max(limit_slowdown) as slowdown
    from runs
    group by workload, billing_currency
    having count(*) filter (where spills) >= 3
),
daily as (
    select
        r.workload, r.billing_currency, r.run_nr, d.usage_date,
        sum(cast(round(
            cast(d.effective_cost as double) * (cast(r.spilling_ms as double) / greatest(r.task_ms, 1)) * (1 - 1 / w.slowdown), 12
        ) as decimal(38, 12))) as amount
    from runs r
    join wasteful w on w.workload = r.workload and w.billing_currency = r.billing_currency
    join run_days d on d.engine = r.engine and d.run_id = r.run_id and d.billing_currency = r.billing_currency
    join waste_days b on d.usage_date between b.first_day and b.last_day
    where r.spills
    group by all
)
select
    'spill' as detector, 'workload' as subject_kind, w.workload as subject, w.team, w.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'low' as confidence,
    json_object(
        'runs', w.runs, 'spilling_runs', w.spilling_runs, 'spilled_bytes_a_run', w.spilled_bytes // w.spilling_runs,
        'spilled_share', round(w.spilled_bytes / w.moved_bytes, 4), 'slowdown', w.slowdown
    ) as evidence,
    ['only runs that succeeded', 'what a stage spilled before it was run again in smaller parts is under the ratio'] as guards,
    '# in the job''s submission: about 128 MB a task; or more memory an executor core:' || chr(10)
        || '--conf spark.sql.shuffle.partitions=' || cast(greatest(400, cast(ceil(w.moved_bytes / w.spilling_runs / 134217728.0 / 100) * 100 as integer)) as varchar) as action,
    list(struct_pack(pot_kind := 'workload', pot := w.workload, run_nr := c.run_nr, table_id := cast(null as varchar), usage_date := c.usage_date, amount := c.amount) order by c.usage_date, c.run_nr) as claims
from wasteful w
join daily c on c.workload = w.workload and c.billing_currency = w.billing_currency
group by all
