-- One row per run and table it wrote, and one without a table for what it wrote elsewhere,
-- with a weight: bytes written, as the table's own snapshots say, else as the engine says, else
-- what the first run of the workload wrote there of which it is known (snapshots expire, and the
-- first that is known stays so), else the mean of what this run wrote elsewhere, else 1. Not of runs that failed: what those cost belongs to no table; but a stream that
-- failed wrote until it did.
-- Key: engine, run_id, table_id?
with tables as (
    select distinct table_id from stg_tables
),
snapshots as (
    -- The newest collection that still knows the snapshot.
    select
        coalesce(m.new_table_id, s.table_id) as table_id,
        s.snapshot_id,
        s.app_id,
        s.committed_at,
        s.added_bytes,
        row_number() over (
            partition by coalesce(m.new_table_id, s.table_id), s.snapshot_id
            order by s.collected_at desc, s.source, s.source_object
        ) as nth
    from landed_table_snapshots s
    left join stg_table_names m on m.source = s.source and m.table_id = s.table_id
    where s.app_id is not null
),
writers as (
    -- A snapshot names its application, not which attempt of it (run_id `application/2`) or
    -- which engine's: it is of the one that was last started before the commit.
    select
        r.engine,
        r.run_id,
        s.table_id,
        s.added_bytes,
        row_number() over (
            partition by s.table_id, s.snapshot_id
            order by
                case when r.started_at <= s.committed_at then 0 else 1 end,
                r.started_at desc, r.engine, r.run_id
        ) as nth
    from snapshots s
    join stg_runs r on split_part(r.run_id, '/', 1) = s.app_id and r.engine not in ('maestro', 'airflow')
    where s.nth = 1
),
by_snapshot as (
    select engine, run_id, table_id, sum(added_bytes) as bytes
    from writers
    where nth = 1
    group by engine, run_id, table_id
),
by_log as (
    select t.engine, t.run_id, t.table_id, t.bytes
    from stg_table_uses t
    where t.access = 'write'
),
both_sides as (
    select
        coalesce(s.engine, l.engine) as engine,
        coalesce(s.run_id, l.run_id) as run_id,
        coalesce(s.table_id, l.table_id) as table_id,
        coalesce(s.bytes, l.bytes) as bytes
    from by_snapshot s
    full outer join by_log l on l.engine = s.engine and l.run_id = s.run_id and l.table_id = s.table_id
),
known as (
    select
        r.workload, b.table_id, b.bytes,
        row_number() over (partition by r.workload, b.table_id order by r.started_at, r.engine, r.run_id) as nth
    from both_sides b
    join stg_runs r on r.engine = b.engine and r.run_id = b.run_id
    where b.bytes is not null and r.workload is not null
),
weighted as (
    select
        b.engine, b.run_id, b.table_id,
        greatest(coalesce(
            b.bytes,
            k.bytes,
            cast(floor(avg(cast(b.bytes as double)) over (partition by b.engine, b.run_id)) as bigint),
            1
        ), 1) as weight
    from both_sides b
    left join stg_runs r on r.engine = b.engine and r.run_id = b.run_id
    left join known k on k.workload = r.workload and k.table_id = b.table_id and k.nth = 1
),
named as (
    select b.engine, b.run_id, t.table_id, b.table_id as written_name, b.weight
    from weighted b
    left join tables t on t.table_id = b.table_id
),
streams as (
    -- Flink says of no job what it writes, and snapshots that name the job expire: an earlier
    -- deployment of a stream wrote what its other deployments are seen to write.
    select r.workload, n.table_id, sum(n.weight) as weight
    from named n
    join stg_runs r on r.engine = n.engine and r.run_id = n.run_id
    where n.engine = 'flink' and n.table_id is not null and r.name is not null
    group by r.workload, n.table_id
),
earlier_deployments as (
    select r.engine, r.run_id, w.table_id, w.weight, r.run_nr
    from stg_runs r
    join streams w on w.workload = r.workload
    where r.engine = 'flink'
        and r.name is not null
        and not exists (select 1 from named n where n.engine = r.engine and n.run_id = r.run_id)
)
select engine, run_id, table_id, cast(weight as bigint) as weight, run_nr
from earlier_deployments
union all
select n.engine, n.run_id, n.table_id, cast(sum(n.weight) as bigint) as weight, r.run_nr
from named n
join stg_runs r on r.engine = n.engine and r.run_id = n.run_id
where (r.status <> 'failed' or r.engine = 'flink')
    -- A log may call a table otherwise than its catalog does: the snapshots have it already.
    and (
        n.table_id is not null
        or not exists (
            select 1 from by_snapshot s
            where s.engine = n.engine
                and s.run_id = n.run_id
                and split_part(s.table_id, '.', -1) = split_part(n.written_name, '.', -1)
        )
    )
group by n.engine, n.run_id, n.table_id, r.run_nr
