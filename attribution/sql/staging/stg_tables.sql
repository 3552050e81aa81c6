-- One row per table and day it was collected: the last collection of that day.
-- Key: table_id, collected_on
with ranked as (
    select
        t.*,
        cast(t.collected_at as date) as collected_on,
        row_number() over (
            partition by t.table_id, cast(t.collected_at as date)
            order by t.collected_at desc, t.source, t.source_object
        ) as nth
    from landed_tables t
)
select
    r.table_id,
    r.collected_on,
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
from ranked r
where r.nth = 1
