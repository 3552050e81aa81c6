-- One row per table, spec and partition of the newest collection: its files and bytes, and the
-- day its rows are of, where a field of the partition says so.
-- Key: table_id, spec_id, partition
with ranked as (
    select
        p.*,
        dense_rank() over (partition by p.table_id order by p.collected_at desc) as nth
    from landed_table_partitions p
)
select
    p.table_id, p.spec_id, p.partition, p.data_files, p.data_bytes, p.row_count, p.small_files,
    p.delete_files, p.deleted_rows, p.last_modified_at,
    try_cast(regexp_extract(p.partition, '(\d{4}-\d{2}-\d{2})', 1) as date) as rows_on,
    -- The commit of a file that is older than the oldest snapshot is not known: then its rows tell.
    coalesce(
        date_diff('day', cast(p.last_modified_at as date), t.seen_on),
        date_diff('day', try_cast(regexp_extract(p.partition, '(\d{4}-\d{2}-\d{2})', 1) as date), t.seen_on),
        date_diff('day', cast(t.first_commit_at as date), t.seen_on)
    ) as age_days,
    t.target_file_bytes,
    t.seen_on
from ranked p
join waste_tables t on t.table_id = p.table_id
where p.nth = 1
