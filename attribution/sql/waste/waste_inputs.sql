-- One row per workload that the clock starts and table it reads and does not write too: whether some known run writes
-- the table, whether a stream does, which changes it all the time, and until when the logs of its newest writer tell (of
-- a table that nobody is known to write, null). Where applications write it too of which no log tells, when its
-- metadata was last collected: these are known up to then.
-- Key: workload, table_id
with read_by_clock as (
    select distinct r.workload, t.table_id
    from waste_runs r
    join stg_run_tables t on t.engine = r.engine and t.run_id = r.run_id and t.access = 'read'
    where r.trigger = 'time' and r.engine <> 'flink' and r.ended_at is not null and r.workload is not null
        and not exists (
            select 1 from stg_run_outputs o
            where o.engine = t.engine and o.run_id = t.run_id and o.table_id = t.table_id
        )
),
writers as (
    select
        o.table_id, bool_or(r.status = 'succeeded' and r.ended_at is not null) as is_written,
        -- One of another engine that has run for more than a day, and still does, is a stream too.
        bool_or(r.engine = 'flink' or coalesce(
            r.ended_at is null and r.status = 'running' and r.started_at + interval 1 day < l.told_until, false
        )) as is_stream,
        arg_max(r.engine, (r.started_at, r.engine, r.run_id)) as engine,
        arg_max(r.source, (r.started_at, r.engine, r.run_id)) as source
    from stg_run_outputs o
    join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    left join waste_logs l on l.engine = r.engine and l.source = r.source
    where o.table_id in (select table_id from read_by_clock)
    group by o.table_id
),
unlogged as (
    select s.table_id, max(s.collected_at) as collected_until
    from landed_table_snapshots s
    where s.table_id in (select table_id from read_by_clock)
    group by s.table_id
    having bool_or(
        s.app_id is not null and coalesce(s.operation, '') <> 'replace'
        and s.app_id not in (select split_part(run_id, '/', 1) from stg_runs)
    )
)
select
    i.workload, i.table_id, coalesce(w.is_written, false) as is_written, coalesce(w.is_stream, false) as is_stream,
    l.told_until, u.collected_until
from read_by_clock i
left join writers w on w.table_id = i.table_id
left join waste_logs l on l.engine = w.engine and l.source = w.source
left join unlogged u on u.table_id = i.table_id
