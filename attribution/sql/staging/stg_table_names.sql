-- One row per source and earlier name of a table: what its place is called now. A table whose
-- catalog was configured later, or whose warehouse is listed from further up, is still the same
-- table: its earlier collections and snapshots count under the name it has now.
-- Key: source, table_id
with named as (
    -- Where a name was last read from.
    select
        source, table_id, source_object, collected_at,
        row_number() over (partition by source, table_id order by collected_at desc, source_object) as nth
    from landed_tables
),
places as (
    select
        source, source_object, table_id, collected_at,
        row_number() over (partition by source, source_object order by collected_at desc, table_id) as nth
    from landed_tables
)
select n.source, n.table_id, p.table_id as new_table_id
from named n
join places p on p.source = n.source and p.source_object = n.source_object and p.nth = 1
where n.nth = 1 and p.table_id <> n.table_id and p.collected_at > n.collected_at
