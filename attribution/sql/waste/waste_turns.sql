-- One row per run and currency that the clock started, of a workload whose every input some known
-- run writes, and none a stream: whether anything it reads changed since its last success was due.
-- A table changed when a run that writes it ended, or a snapshot that is no mere rewrite
-- was committed (also by a run that failed later, or has not ended); a stream changes its table all the time. What
-- changed while that success still waited for room would have started this run too, had changes and not the clock
-- started it.
-- Key: engine, run_id, billing_currency
with due as (
    -- When an instance of a workflow was due: its runs start later, once there is room for them.
    select workflow_id, workflow_instance_id, min(coalesce(queued_at, started_at)) as due_at
    from landed_runs
    where step_id is null and workflow_id is not null and workflow_instance_id is not null
    group by workflow_id, workflow_instance_id
),
runs as (
    select r.engine, r.run_id, r.run_nr, r.workload, r.billing_currency, r.status, r.started_at, r.ended_at, r.effective_cost,
        least(r.started_at, coalesce(d.due_at, r.started_at)) as due_at
    from waste_runs r
    left join due d on d.workflow_id = r.workflow_id and d.workflow_instance_id = r.workflow_instance_id
    where r.trigger = 'time' and r.engine <> 'flink' and r.ended_at is not null
),
told as (
    -- Applications that ended well, each with the last snapshot that it committed to a table: their end tells of that.
    select s.table_id, r.run_id, max(s.committed_at) as committed_at
    from landed_table_snapshots s
    join stg_runs r
        on split_part(r.run_id, '/', 1) = s.app_id and r.status = 'succeeded'
        and s.committed_at between r.started_at and r.ended_at
    where s.table_id in (select table_id from waste_inputs)
    group by s.table_id, r.run_id
),
writes as (
    select distinct o.table_id, r.ended_at as changed_at
    from stg_run_outputs o
    join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    where o.table_id is not null and r.status = 'succeeded' and r.ended_at is not null
        and o.table_id in (select table_id from waste_inputs)
    union
    select distinct s.table_id, s.committed_at
    from landed_table_snapshots s
    where s.table_id in (select table_id from waste_inputs) and coalesce(s.operation, '') <> 'replace'
        and not exists (select 1 from told t where t.table_id = s.table_id and t.committed_at = s.committed_at)
),
watched as (
    -- Workloads whose every input is written by a run that is known, and by no stream. Of a table known by its
    -- snapshots alone nobody tells what changed since these were collected.
    select workload
    from waste_inputs
    group by workload
    having bool_and(is_written) and not bool_or(is_stream)
),
changes as (
    select i.workload, w.changed_at
    from waste_inputs i
    join writes w on w.table_id = i.table_id
    where i.workload in (select workload from watched)
),
successes as (
    select distinct workload, ended_at, due_at from runs where status = 'succeeded' and workload in (select workload from watched)
),
silent as (
    -- Workloads one of whose inputs is written by what no log or collection tells of any longer, and since when:
    -- what then changes nobody knows.
    select
        i.workload, min(cast(i.told_until as date)) filter (where cast(i.told_until as date) < d.last_day - 2) as known_until,
        min(i.collected_until) as collected_until
    from waste_inputs i
    cross join waste_days d
    group by i.workload
),
turns as (
    -- When the last success that had ended by the start of each run was due, and the last change by then:
    -- one that still ran may have failed.
    select
        r.*, p.due_at as before_at, c.changed_at
    from (select * from runs where workload in (select workload from watched)) r
    asof left join successes p
        on p.workload = r.workload and r.started_at >= p.ended_at
    asof left join changes c on c.workload = r.workload and r.started_at >= c.changed_at
)
select
    t.engine, t.run_id, t.run_nr, t.workload, t.billing_currency, t.started_at, t.effective_cost,
    t.before_at is not null and coalesce(t.changed_at < t.before_at, true)
        and coalesce(cast(t.started_at as date) <= s.known_until, true)
        and coalesce(t.started_at <= s.collected_until, true) as is_no_op,
    i.inputs
from turns t
join (select workload, list(table_id order by table_id) as inputs from waste_inputs group by workload) i on i.workload = t.workload
left join silent s on s.workload = t.workload
