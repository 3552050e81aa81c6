-- One row per table and day it was collected: its bytes by why they are there. Live: current
-- data, deletes and metadata; expirable: what only older snapshots hold; orphaned: what the
-- inventory nearest to the collection (at most 14 days off) lists and no snapshot reaches;
-- noncurrent: old versions of objects. Without an inventory the last two are unknown (null).
-- Key: table_id, collected_on
with near as (
    select
        t.table_id, t.collected_on, s.collected_on as listed_on, s.stored_bytes, s.noncurrent_bytes,
        row_number() over (
            partition by t.table_id, t.collected_on
            order by abs(date_diff('day', t.collected_on, s.collected_on)), s.collected_on
        ) as nth
    from stg_tables t
    join stg_storage s
        on s.table_id = t.table_id and s.bucket = t.bucket and s.storage_class = '*'
        and abs(date_diff('day', t.collected_on, s.collected_on)) <= 14
)
select
    t.table_id,
    t.collected_on,
    n.listed_on,
    t.data_bytes + t.delete_bytes + coalesce(t.metadata_bytes, 0) as live_bytes,
    greatest(t.reachable_bytes - t.data_bytes - t.delete_bytes, 0) as expirable_bytes,
    case
        when n.table_id is not null then greatest(n.stored_bytes - n.noncurrent_bytes - t.stored_bytes, 0)
    end as orphaned_bytes,
    n.noncurrent_bytes
from stg_tables t
left join near n on n.table_id = t.table_id and n.collected_on = t.collected_on and n.nth = 1
