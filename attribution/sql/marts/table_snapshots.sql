-- One row per table and snapshot that its newest collection keeps.
-- Key: table_id, snapshot_id
with ranked as (
    select
        s.*,
        dense_rank() over (partition by s.table_id order by s.collected_at desc) as collection_nth,
        row_number() over (
            partition by s.table_id, s.snapshot_id order by s.collected_at desc, s.source, s.source_object
        ) as nth
    from landed_table_snapshots s
)
select
    table_id, snapshot_id, committed_at, operation, is_current, ref_names, app_id,
    added_data_files, removed_data_files, added_bytes, removed_bytes, added_rows, removed_rows,
    total_data_files, total_bytes
from ranked
where collection_nth = 1 and nth = 1
