-- One row per run: engine runs with the orchestrator's context, and orchestrator steps no
-- engine run is known of, or whose own container held anything. The row of the newest log wins
-- where a run was logged twice.
-- `run_nr` is its number, by which models know it, for joins on texts are dear: 60 bits of a
-- hash of engine and run id, and 3 that tell equal ones apart.
-- Key: engine, run_id
-- Key: run_nr
with ranked as (
    -- What lineage tells of a run comes after what its own log tells: it knows no usage.
    select
        r.*,
        case when k.kind = 'openlineage' then 1 else 0 end as is_lineage,
        row_number() over (
            partition by r.engine, r.run_id
            order by
                case when k.kind = 'openlineage' then 1 else 0 end,
                case when r.ended_at is null then 1 else 0 end,
                r.ended_at desc, r.source_object desc, r.source
        ) as nth
    from landed_runs r
    left join sources k on k.source = r.source
),
lineage as (
    select
        r.*,
        row_number() over (partition by r.engine, r.run_id order by r.nth) as lineage_nth
    from ranked r
    where r.is_lineage = 1
),
latest as (
    -- Who started a run and whose it is, where its own log leaves that open: a log that
    -- names a task but not the DAG run it was in knows less than lineage that names both.
    select
        r.*,
        case when r.workflow_instance_id is null and t.workflow_instance_id is not null
            then t.workflow_id else r.workflow_id end as in_workflow,
        case when r.workflow_instance_id is null and t.workflow_instance_id is not null
            then t.workflow_instance_id else r.workflow_instance_id end as in_instance,
        case when r.workflow_instance_id is null and t.workflow_instance_id is not null
            then t.step_id else r.step_id end as in_step,
        case when r.workflow_instance_id is null and t.workflow_instance_id is not null
            then t.attempt else r.attempt end as in_attempt,
        coalesce(r.trigger, t.trigger) as known_trigger,
        coalesce(r.child_run_id, t.child_run_id) as known_child,
        coalesce(r.owner, t.owner) as known_owner,
        coalesce(r.tag_set_id, t.tag_set_id) as known_tags
    from ranked r
    left join lineage t
        on t.engine = r.engine and t.run_id = r.run_id and t.lineage_nth = 1 and r.is_lineage = 0
    where r.nth = 1
),
told as (
    -- How far the logs of each engine have come in each source (one of them may stop alone), and
    -- whether they tell of hours: a task that waits, of logs that tell of none, may wait still.
    select source, engine, max(told_at) as told_at, max(tells_hours) as tells_hours
    from (
        select source, engine, max(coalesce(ended_at, started_at)) as told_at, 0 as tells_hours
        from landed_runs
        group by source, engine
        union all
        select source, engine, max(hour) + interval 1 hour, 1 from landed_run_hours group by source, engine
    ) moments
    group by source, engine
),
heard as (
    -- When a run without an end was last heard of: the end of the last hour it held anything in.
    select r.engine, r.run_id, max(h.hour) + interval 1 hour as heard_at
    from latest r
    join landed_run_hours h
        on h.engine = r.engine and h.run_id = r.run_id and h.source = r.source
        and h.source_object = r.source_object
    where r.ended_at is null and r.status = 'running'
    group by r.engine, r.run_id
),
steps as (
    select
        s.*,
        w.known_trigger as workflow_trigger,
        w.known_owner as workflow_owner,
        w.known_tags as workflow_tags,
        w.parent_workflow_id as of_workflow,
        w.parent_step_id as of_step
    from latest s
    left join latest w
        on w.engine = s.engine
        and w.step_id is null
        and w.workflow_id = s.workflow_id
        and w.workflow_instance_id = s.workflow_instance_id
        -- Airflow has no runs of an instance.
        and coalesce(w.workflow_run_id, '') = coalesce(s.workflow_run_id, '')
    where s.engine in ('maestro', 'airflow') and s.step_id is not null
),
started as (
    -- A step names an application, not which attempt of it (run_id `application/2`).
    select
        engine, run_id, in_workflow, in_instance, workflow_run_id, in_step, in_attempt,
        case when engine = 'spark' then split_part(run_id, '/', 1) else run_id end as called
    from latest
    where engine not in ('maestro', 'airflow')
),
links as (
    -- The application names its step in its own properties, or the step names the
    -- application. Instances of a mapped task have one name: the one that names it is it, and
    -- so is the try that does, where the application tells of none.
    select
        e.engine,
        e.run_id,
        s.engine as step_engine,
        s.run_id as step_run_id,
        case when s.known_child = e.called then 0 else 2 end as strength
    from started e
    join steps s
        on s.workflow_id = e.in_workflow
        and s.workflow_instance_id = e.in_instance
        and coalesce(s.workflow_run_id, '') = coalesce(e.workflow_run_id, s.workflow_run_id, '')
        and s.step_id = e.in_step
        and coalesce(s.attempt, 1) = coalesce(e.in_attempt, 1)
    union all
    select e.engine, e.run_id, s.engine, s.run_id, case when e.in_attempt is null then 1 else 3 end
    from started e
    join steps s on s.known_child = e.called
),
containers as (
    select distinct engine, run_id, source, source_object
    from landed_run_hours
    where engine in ('maestro', 'airflow')
),
hashed as (
    select
        engine, run_id,
        cast(conv(substr(md5(concat_ws(chr(31), engine, run_id)), 1, 15), 16, 10) as bigint) as hash
    from latest
),
clashes as (
    select h.engine, h.run_id, row_number() over (partition by h.hash order by h.engine, h.run_id) - 1 as nth
    from hashed h
    join (select hash from hashed group by hash having count(*) > 1) c on c.hash = h.hash
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
    -- An iteration belongs to the step that repeats it, not to a workflow nobody named.
    coalesce(s.of_workflow, o.of_workflow, r.in_workflow, s.workflow_id) as workflow_id,
    coalesce(r.in_instance, s.workflow_instance_id) as workflow_instance_id,
    coalesce(r.in_step, s.step_id) as step_id,
    coalesce(r.in_attempt, s.attempt) as attempt,
    coalesce(
        s.of_workflow || '/' || s.of_step,
        o.of_workflow || '/' || o.of_step,
        r.in_workflow || '/' || r.in_step,
        s.workflow_id || '/' || s.step_id,
        r.name,
        r.engine
    ) as workload,
    coalesce(r.known_trigger, s.known_trigger, s.workflow_trigger, o.workflow_trigger) as trigger,
    s.run_id as step_run_id,
    r.cluster_id,
    r.user_name,
    coalesce(r.known_owner, s.known_owner, s.workflow_owner, o.workflow_owner) as owner,
    r.known_tags as tag_set_id,
    s.known_tags as step_tag_set_id,
    coalesce(s.workflow_tags, o.workflow_tags) as workflow_tag_set_id,
    -- A log that breaks off does not say how the run ended; the step that waited for it does. One
    -- that its log told nothing of for a day, while it went on, runs no more.
    case
        when r.ended_at is null and s.ended_at is not null then s.status
        when r.ended_at is null and r.status = 'running'
            and greatest(r.started_at, coalesce(e.heard_at, r.started_at)) + interval 1 day < t.told_at
            and t.tells_hours = 1
            then 'unknown'
        else r.status
    end as status,
    coalesce(r.error, s.error) as error,
    r.queued_at,
    r.started_at,
    coalesce(r.ended_at, s.ended_at) as ended_at,
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
    r.executors,
    h.hash * 8 + coalesce(c.nth, 0) as run_nr
from latest r
join hashed h on h.engine = r.engine and h.run_id = r.run_id
left join clashes c on c.engine = r.engine and c.run_id = r.run_id
left join told t on t.source = r.source and t.engine = r.engine
left join heard e on e.engine = r.engine and e.run_id = r.run_id
left join best_link b on b.engine = r.engine and b.run_id = r.run_id and b.nth = 1
left join steps s on s.engine = b.step_engine and s.run_id = b.step_run_id
-- A step without an engine's run is its own step.
left join steps o on o.engine = r.engine and o.run_id = r.run_id
where r.engine not in ('maestro', 'airflow')
    or (
        r.step_id is not null
        and (
            not exists (
                select 1 from best_link l
                where l.nth = 1 and l.step_engine = r.engine and l.step_run_id = r.run_id
            )
            -- What it held itself, while it waited for the engine, is in no other log.
            or exists (
                select 1 from containers k
                where k.engine = r.engine and k.run_id = r.run_id
                    and k.source = r.source and k.source_object = r.source_object
            )
        )
    )
