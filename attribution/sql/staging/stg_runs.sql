-- One row per run: engine runs with the orchestrator's context, and orchestrator steps no
-- engine run is known of. The row of the newest log wins where a run was logged twice.
with ranked as (
    select
        r.*,
        row_number() over (
            partition by r.engine, r.run_id
            order by case when r.ended_at is null then 1 else 0 end, r.ended_at desc, r.source_object desc, r.source
        ) as nth
    from landed_runs r
),
latest as (
    select * from ranked where nth = 1
),
steps as (
    select s.*, w.trigger as workflow_trigger, w.owner as workflow_owner
    from latest s
    left join latest w
        on w.engine = s.engine
        and w.step_id is null
        and w.workflow_id = s.workflow_id
        and w.workflow_instance_id = s.workflow_instance_id
        and w.workflow_run_id = s.workflow_run_id
    where s.engine in ('maestro', 'airflow') and s.step_id is not null
),
links as (
    -- The application names its step in its own properties, or the step names the application.
    select e.engine, e.run_id, s.engine as step_engine, s.run_id as step_run_id, 1 as strength
    from latest e
    join steps s
        on s.workflow_id = e.workflow_id
        and s.workflow_instance_id = e.workflow_instance_id
        and coalesce(s.workflow_run_id, '') = coalesce(e.workflow_run_id, s.workflow_run_id, '')
        and s.step_id = e.step_id
        and coalesce(s.attempt, 1) = coalesce(e.attempt, 1)
    where e.engine not in ('maestro', 'airflow')
    union all
    select e.engine, e.run_id, s.engine, s.run_id, 2
    from latest e
    join steps s on s.child_run_id = e.run_id
    where e.engine not in ('maestro', 'airflow')
),
best_link as (
    select
        l.*,
        row_number() over (partition by l.engine, l.run_id order by l.strength, l.step_engine, l.step_run_id) as nth
    from links l
)
select
    r.engine,
    r.run_id,
    r.source,
    r.source_object,
    r.engine_version,
    r.name,
    coalesce(r.workflow_id, s.workflow_id) as workflow_id,
    coalesce(r.workflow_instance_id, s.workflow_instance_id) as workflow_instance_id,
    coalesce(r.step_id, s.step_id) as step_id,
    coalesce(r.attempt, s.attempt) as attempt,
    coalesce(r.workflow_id || '/' || r.step_id, s.workflow_id || '/' || s.step_id, r.name, r.engine) as workload,
    coalesce(r.trigger, s.trigger, s.workflow_trigger) as trigger,
    s.run_id as step_run_id,
    r.cluster_id,
    r.user_name,
    coalesce(r.owner, s.owner, s.workflow_owner) as owner,
    r.tag_set_id,
    s.tag_set_id as step_tag_set_id,
    r.status,
    coalesce(r.error, s.error) as error,
    r.queued_at,
    r.started_at,
    r.ended_at,
    r.vcore_ms,
    r.memory_mib_ms,
    r.cpu_ms,
    r.task_ms,
    r.gc_ms,
    r.input_bytes,
    r.output_bytes,
    r.shuffle_read_bytes,
    r.shuffle_write_bytes,
    r.memory_spilled_bytes,
    r.disk_spilled_bytes,
    r.peak_memory_bytes,
    r.tasks,
    r.failed_tasks,
    r.killed_tasks,
    r.failed_task_ms,
    r.killed_task_ms,
    r.executors
from latest r
left join best_link b on b.engine = r.engine and b.run_id = r.run_id and b.nth = 1
left join steps s on s.engine = b.step_engine and s.run_id = b.step_run_id
where r.engine not in ('maestro', 'airflow')
    or (
        r.step_id is not null
        and not exists (
            select 1 from best_link l
            where l.nth = 1 and l.step_engine = r.engine and l.step_run_id = r.run_id
        )
    )
