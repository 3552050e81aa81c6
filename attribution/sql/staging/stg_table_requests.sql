-- One row per table and UTC day anything is known to have asked for its files: requests of
-- the class of GET and of PUT, and bytes read, as scan reports, logs and snapshots tell.
-- GET: 2 a file read (its footer and its first columns) and 1 for each 16 MiB of it (readers
-- ask for some 8 MiB at once, of about half of the columns); 6 a scan (metadata, list,
-- manifests); 3 a commit (the ones before it). PUT: 1 a file written, 1 more for each 64 MiB
-- of it (parts of an upload); 3 a commit (metadata, list, manifest).
-- Key: table_id, used_on
with reported as (
    select
        table_id,
        read_on as used_on,
        sum(reads) as scans,
        sum(coalesce(files, reads)) as files,
        sum(coalesce(bytes, 0)) as bytes
    from stg_table_access
    group by table_id, read_on
),
logged as (
    -- A log that does not count files: one for each 128 MiB.
    select
        u.table_id,
        cast(r.started_at as date) as used_on,
        count(*) as scans,
        sum(coalesce(u.files, greatest(cast(floor(u.bytes / 134217728.0) as bigint), 1), 1)) as files,
        sum(coalesce(u.bytes, 0)) as bytes
    from stg_table_uses u
    join stg_runs r on r.engine = u.engine and r.run_id = u.run_id
    where u.access = 'read'
    group by u.table_id, cast(r.started_at as date)
),
both_reads as (
    select *, 2 * files + cast(floor(bytes / 16777216.0) as bigint) + 6 * scans as gets from reported
    union all
    select *, 2 * files + cast(floor(bytes / 16777216.0) as bigint) + 6 * scans from logged
),
reads as (
    -- A scan may be told by its catalog and by its engine: the larger count holds.
    select table_id, used_on, cast(max(gets) as bigint) as gets, cast(max(bytes) as bigint) as bytes_read
    from both_reads
    group by table_id, used_on
),
snapshots as (
    select
        coalesce(m.new_table_id, s.table_id) as table_id,
        s.snapshot_id,
        s.committed_at,
        coalesce(s.added_data_files, 0) as files,
        coalesce(s.added_bytes, 0) as bytes,
        row_number() over (
            partition by coalesce(m.new_table_id, s.table_id), s.snapshot_id
            order by s.collected_at desc, s.source, s.source_object
        ) as nth
    from landed_table_snapshots s
    left join stg_table_names m on m.source = s.source and m.table_id = s.table_id
),
commits as (
    select
        table_id,
        cast(committed_at as date) as used_on,
        cast(3 * count(*) as bigint) as gets,
        cast(3 * count(*) + sum(files) + sum(cast(floor(bytes / 67108864.0) as bigint)) as bigint) as puts
    from snapshots
    where nth = 1
    group by table_id, cast(committed_at as date)
)
select
    coalesce(r.table_id, c.table_id) as table_id,
    coalesce(r.used_on, c.used_on) as used_on,
    coalesce(r.gets, 0) + coalesce(c.gets, 0) as gets,
    coalesce(c.puts, 0) as puts,
    coalesce(r.bytes_read, 0) as bytes_read
from reads r
full outer join commits c on c.table_id = r.table_id and c.used_on = r.used_on
