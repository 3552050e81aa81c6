-- One row per table, UTC day, reader, engine and file of scan reports: its reads and what they
-- read. A file that was moved or copied tells the same twice and counts once. A table is known
-- by its id, though reports may name it by where it lies.
-- Key: table_id, read_on, principal, engine?, last_read_at, reads, files?, bytes?, oldest_partition_on?
with places as (
    select lower(location) as location, min(table_id) as table_id
    from stg_tables
    group by lower(location)
)
select distinct
    coalesce(p.table_id, lower(a.table_name)) as table_id,
    cast(a.day as date) as read_on,
    a.principal,
    a.engine,
    a.reads,
    a.files,
    a.bytes,
    cast(a.oldest_partition_on as date) as oldest_partition_on,
    a.last_read_at
from landed_table_access a
left join places p on p.location = lower(a.table_name)
