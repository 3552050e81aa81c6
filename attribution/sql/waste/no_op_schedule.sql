-- One row per workload and currency that the clock starts though nothing it reads has changed
-- since it last succeeded: what those runs cost. A table changed when a run that writes it ended
-- or a snapshot that is no mere rewrite was committed; a stream changes its table all the time.
-- Not what reads anything that no table shows, nor inputs nobody is known to write.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['no-op-schedule.enabled'] as limit_enabled,
        number['no-op-schedule.min_share'] as limit_min_share,
        number['no-op-schedule.min_runs'] as limit_min_runs
    from waste_limits
),
runs as (
    select
        r.engine, r.run_id, r.workload, r.billing_currency, r.status, r.started_at, r.ended_at, r.cluster_id,
        s.team, l.limit_min_share, l.limit_min_runs
    from waste_runs r
    join waste_subjects s on s.subject_kind = 'workload' and s.subject = r.workload
    join limits l on l.profile = s.profile
    where r.trigger = 'time' and r.engine not in ('flink') and r.ended_at is not null
        and l.limit_enabled > 0
),
inputs as (
    select distinct r.workload, t.table_id
    from runs r
    join stg_run_tables t on t.engine = r.engine and t.run_id = r.run_id and t.access = 'read'
    where not exists (
        select 1 from stg_run_outputs o
        where o.engine = t.engine and o.run_id = t.run_id and o.table_id = t.table_id
    )
),
streams as (
    select distinct o.table_id
    from stg_run_outputs o
    join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    where r.engine = 'flink' and o.table_id is not null
),
writes as (
    select distinct o.table_id, r.ended_at as changed_at
    from stg_run_outputs o
    join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    where o.table_id is not null and r.status = 'succeeded' and r.ended_at is not null
        and o.table_id in (select table_id from inputs)
    union
    select distinct s.table_id, s.committed_at
    from landed_table_snapshots s
    where s.table_id in (select table_id from inputs) and coalesce(s.operation, '') not in ('replace', 'delete')
        -- A run that is known ends after its commit: its end tells of it already.
        and coalesce(s.app_id, '') not in (select split_part(run_id, '/', 1) from stg_runs)
),
watched as (
    -- Workloads whose every input is written by somebody known, and by no stream.
    select i.workload
    from inputs i
    left join (select distinct table_id from writes) w on w.table_id = i.table_id
    left join streams s on s.table_id = i.table_id
    group by i.workload
    having count(*) = count(w.table_id) and count(s.table_id) = 0
),
changes as (
    select i.workload, w.changed_at
    from inputs i
    join writes w on w.table_id = i.table_id
    where i.workload in (select workload from watched)
),
successes as (
    select distinct workload, started_at from runs where status = 'succeeded' and workload in (select workload from watched)
),
turns as (
    -- The start of the success before each run, and the last change before it.
    select
        r.*, p.started_at as before_at, c.changed_at
    from (select * from runs where workload in (select workload from watched)) r
    asof left join (select workload, started_at, started_at as at from successes) p
        on p.workload = r.workload and r.started_at > p.at
    asof left join changes c on c.workload = r.workload and r.started_at >= c.changed_at
),
no_ops as (
    select *, before_at is not null and coalesce(changed_at < before_at, true) as is_no_op
    from turns
),
wasteful as (
    select
        workload, billing_currency, max(team) as team, count(*) as runs,
        count(*) filter (where is_no_op) as no_ops,
        list(run_id order by started_at desc) filter (where is_no_op) as run_ids
    from no_ops
    group by workload, billing_currency
    having count(*) filter (where is_no_op) >= max(limit_min_share) * count(*)
        and count(*) filter (where is_no_op) >= max(limit_min_runs)
),
daily as (
    select n.workload, n.billing_currency, d.usage_date, sum(d.effective_cost) as amount
    from wasteful w
    join no_ops n on n.workload = w.workload and n.billing_currency = w.billing_currency and n.is_no_op
    join run_days d on d.engine = n.engine and d.run_id = n.run_id and d.billing_currency = n.billing_currency
    join waste_days b on d.usage_date between b.first_day and b.last_day
    group by all
)
select
    'no-op-schedule' as detector, 'workload' as subject_kind, w.workload as subject, w.team, w.billing_currency,
    0.0 as fix_cost, 28 as rate_days, 'high' as confidence,
    json_object(
        'runs', w.runs, 'without_change', w.no_ops, 'share', round(w.no_ops / w.runs, 4),
        'inputs', (select list(table_id order by table_id) from inputs i where i.workload = w.workload),
        'latest', w.run_ids[:10]
    ) as evidence,
    ['every table it reads is written by a run that is known', 'rewrites are no change', 'the clock starts it'] as guards,
    '-- Maestro: replace time_triggers of `' || split_part(w.workload, '/', 1) || '` by' || chr(10)
        || 'signal_triggers: [{definitions: {"' || (select string_agg(table_id, '": {}, "' order by table_id) from inputs i where i.workload = w.workload)
        || '": {}}}]' || chr(10) || '-- Airflow: schedule=[Asset("<table>")] in place of the cron expression' as action,
    list(struct_pack(pot_kind := 'workload', pot := w.workload, usage_date := c.usage_date, amount := cast(c.amount as decimal(38, 12))) order by c.usage_date) as claims
from wasteful w
join daily c on c.workload = w.workload and c.billing_currency = w.billing_currency
group by all
