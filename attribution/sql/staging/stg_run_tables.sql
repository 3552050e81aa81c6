-- One row per run, table and access: what runs read and wrote, as engines and snapshots say.
-- Key: engine, run_id, table_id, access
with written as (
    select o.engine, o.run_id, o.run_nr, o.table_id, 'write' as access, o.weight as bytes
    from stg_run_outputs o
    where o.table_id is not null
)
select
    coalesce(l.engine, w.engine) as engine,
    coalesce(l.run_id, w.run_id) as run_id,
    coalesce(l.run_nr, w.run_nr) as run_nr,
    coalesce(l.table_id, w.table_id) as table_id,
    coalesce(l.access, w.access) as access,
    coalesce(w.bytes, l.bytes) as bytes,
    l.row_count
from stg_table_uses l
full outer join written w
    on w.engine = l.engine and w.run_id = l.run_id and w.table_id = l.table_id and w.access = l.access
