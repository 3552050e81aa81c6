-- One row per table that is still there: its newest collection, its properties as a map, its
-- schema's hash, and the day it was first seen.
-- Key: table_id
with hashes as (
    select
        table_id, schema_hash,
        row_number() over (partition by table_id order by collected_at desc, source, source_object) as nth
    from landed_tables
),
seen as (
    select table_id, min(committed_at) as first_commit_at from landed_table_snapshots group by table_id
)
select
    t.*,
    coalesce(try_cast(t.properties as json), '{}') as props,
    h.schema_hash,
    s.first_commit_at
from latest_tables t
left join hashes h on h.table_id = t.table_id and h.nth = 1
left join seen s on s.table_id = t.table_id
