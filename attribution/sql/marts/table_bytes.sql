-- One row per table and day anything new is known of its bytes: by why they are there. It was
-- collected on that day, or an inventory listed it on one on which an earlier collection still
-- held. Live: current data, deletes and metadata; expirable: what only older snapshots hold;
-- orphaned: what the inventory lists and no snapshot reaches; noncurrent: old versions of
-- objects. The inventory of a collection's day is the nearest, at most 14 days off; without one
-- the last two are unknown (null).
-- Key: table_id, known_on
with followed as (
    select t.*, lead(t.collected_on) over (partition by t.table_id order by t.collected_on) as next_on
    from stg_tables t
),
held as (
    select f.*, least(f.held_on, coalesce(f.next_on - 1, f.held_on)) as until_on
    from followed f
),
listed as (
    select table_id, bucket, collected_on as listed_on, stored_bytes, noncurrent_bytes
    from stg_storage
    where storage_class = '*' and table_id is not null
),
near as (
    select
        t.table_id, t.collected_on, l.listed_on, l.stored_bytes, l.noncurrent_bytes,
        row_number() over (
            partition by t.table_id, t.collected_on
            order by abs(date_diff('day', t.collected_on, l.listed_on)), l.listed_on
        ) as nth
    from held t
    join listed l
        on l.table_id = t.table_id and l.bucket = t.bucket
        and abs(date_diff('day', t.collected_on, l.listed_on)) <= 14
),
moments as (
    select t.*, t.collected_on as known_on, n.listed_on, n.stored_bytes as listed_bytes, n.noncurrent_bytes
    from held t
    left join near n on n.table_id = t.table_id and n.collected_on = t.collected_on and n.nth = 1
    union all
    select t.*, l.listed_on, l.listed_on, l.stored_bytes, l.noncurrent_bytes
    from held t
    join listed l
        on l.table_id = t.table_id and l.bucket = t.bucket
        and l.listed_on > t.collected_on and l.listed_on <= t.until_on
)
select
    table_id,
    known_on,
    collected_on,
    held_on,
    listed_on,
    data_bytes + delete_bytes + coalesce(metadata_bytes, 0) as live_bytes,
    greatest(reachable_bytes - data_bytes - delete_bytes, 0) as expirable_bytes,
    case
        when listed_on is not null then greatest(listed_bytes - noncurrent_bytes - stored_bytes, 0)
    end as orphaned_bytes,
    noncurrent_bytes
from moments
