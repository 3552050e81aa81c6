-- One row per run and currency that the clock started, of a workload whose every input some known
-- run writes, and none a stream: whether anything it reads changed since the start of its last
-- success. A table changed when a run that writes it ended, or a snapshot that is no mere rewrite
-- was committed; a stream changes its table all the time.
-- Key: engine, run_id, billing_currency
with runs as (
    select r.engine, r.run_id, r.workload, r.billing_currency, r.status, r.started_at, r.effective_cost
    from waste_runs r
    where r.trigger = 'time' and r.engine <> 'flink' and r.ended_at is not null
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
)
select
    t.engine, t.run_id, t.workload, t.billing_currency, t.started_at, t.effective_cost,
    t.before_at is not null and coalesce(t.changed_at < t.before_at, true) as is_no_op,
    i.inputs
from turns t
join (select workload, list(table_id order by table_id) as inputs from inputs group by workload) i on i.workload = t.workload
