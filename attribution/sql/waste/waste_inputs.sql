-- One row per workload that the clock starts and table it reads and does not write too: whether a stream writes the
-- table, which changes it all the time, and until when the logs of its newest writer tell (of a table that nobody is
-- known to write, null).
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
        o.table_id, bool_or(r.engine = 'flink') as is_stream,
        arg_max(r.engine, (r.started_at, r.engine, r.run_id)) as engine,
        arg_max(r.source, (r.started_at, r.engine, r.run_id)) as source
    from stg_run_outputs o
    join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    where o.table_id in (select table_id from read_by_clock)
    group by o.table_id
)
select i.workload, i.table_id, coalesce(w.is_stream, false) as is_stream, l.told_until
from read_by_clock i
left join writers w on w.table_id = i.table_id
left join waste_logs l on l.engine = w.engine and l.source = w.source
