-- One row per table and day it was collected: the last collection of that day, and until when
-- it held. A table that does not change is not read again, and what every run confirms is known:
-- held_on is the last day it was as collected, 9999-12-31 where it still is.
-- Key: table_id, collected_on
with named as (
    select
        t.*,
        coalesce(n.new_table_id, t.table_id) as known_as,
        cast(t.collected_at as date) as collected_on
    from landed_tables t
    left join stg_table_names n on n.source = t.source and n.table_id = t.table_id
),
ranked as (
    select
        t.*,
        row_number() over (
            partition by t.known_as, t.collected_on
            order by t.collected_at desc, t.source, t.source_object
        ) as nth
    from named t
),
collections as (
    select
        r.*,
        h.held_on as confirmed_on,
        row_number() over (partition by r.known_as order by r.collected_on desc) as nth_newest,
        -- A table that is no longer there holds bytes until it was last seen.
        max(case when u.unit is not null then 1 else 0 end) over (partition by r.known_as) as is_there
    from ranked r
    left join source_units u on u.source = r.source and u.unit = r.source_object
    left join held_collections h
        on h.source = r.source and h.unit = r.source_object and h.collected_on = r.collected_on
    where r.nth = 1
)
select
    r.known_as as table_id,
    r.collected_on,
    case
        when r.nth_newest = 1 and r.is_there = 1 then cast('9999-12-31' as date)
        else greatest(r.collected_on, coalesce(r.confirmed_on, r.collected_on))
    end as held_on,
    r.collected_at,
    r.source,
    r.source_object,
    r.catalog,
    r.namespace,
    r.name,
    r.format,
    r.format_version,
    r.location,
    -- s3://bucket/prefix: the bucket is what the bill names.
    case when r.location like 's3%://%' then split_part(r.location, '/', 3) end as bucket,
    r.owner,
    r.properties,
    r.schema_json,
    r.partition_spec,
    r.sort_order,
    r.current_snapshot_id,
    r.last_updated_at,
    r.row_count,
    r.data_files,
    r.data_bytes,
    r.small_files,
    r.target_file_bytes,
    r.delete_files,
    r.delete_bytes,
    r.deleted_rows,
    r.snapshots,
    r.manifests,
    r.manifest_bytes,
    r.reachable_files,
    r.reachable_bytes,
    r.metadata_bytes,
    -- What the table's metadata accounts for in its bucket.
    r.reachable_bytes + coalesce(r.metadata_bytes, 0) as stored_bytes
from collections r
