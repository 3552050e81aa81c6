-- One row per run, table and access: what runs read and wrote, as engines and snapshots say.
with logged as (
    select
        t.engine,
        t.run_id,
        lower(t.table_name) as table_id,
        t.access,
        sum(t.bytes) as bytes,
        sum(t.row_count) as row_count
    from landed_run_tables t
    join stg_runs r
        on r.engine = t.engine and r.run_id = t.run_id and r.source = t.source and r.source_object = t.source_object
    group by t.engine, t.run_id, lower(t.table_name), t.access
),
written as (
    select o.engine, o.run_id, o.table_id, 'write' as access, o.weight as bytes
    from stg_run_outputs o
    where o.table_id is not null
)
select
    coalesce(l.engine, w.engine) as engine,
    coalesce(l.run_id, w.run_id) as run_id,
    coalesce(l.table_id, w.table_id) as table_id,
    coalesce(l.access, w.access) as access,
    coalesce(w.bytes, l.bytes) as bytes,
    l.row_count
from logged l
full outer join written w
    on w.engine = l.engine and w.run_id = l.run_id and w.table_id = l.table_id and w.access = l.access
