-- One row per table that is still there: its newest collection, the last day of the bill that it tells of, its
-- properties, its schema's hash, the first commit that is known, the bytes no snapshot reaches, and what of these lies
-- below its directory of metadata.
-- Key: table_id
with hashes as (
    select
        table_id, schema_hash,
        row_number() over (partition by table_id order by collected_at desc, source, source_object) as nth
    from landed_tables
),
seen as (
    select table_id, min(committed_at) as first_commit_at from landed_table_snapshots group by table_id
),
listed as (
    -- The inventory nearest to the time in which the metadata held: from its last change to when it
    -- was read, which may be much later. None is too far off beyond two weeks.
    select
        t.table_id, s.collected_on as listed_on,
        greatest(s.stored_bytes - s.noncurrent_bytes - t.stored_bytes, 0) as orphaned_bytes,
        row_number() over (
            partition by t.table_id
            order by greatest(
                0, date_diff('day', s.collected_on, cast(t.last_updated_at as date)), date_diff('day', t.collected_on, s.collected_on)
            ), s.collected_on desc
        ) as nth
    from latest_tables t
    join stg_storage s
        on s.table_id = t.table_id and s.bucket = t.bucket and s.storage_class = '*'
        and s.collected_on between cast(t.last_updated_at as date) - 14 and t.collected_on + 14
),
inventories as (
    -- The newest of its day, as stg_storage has it.
    select
        s.bucket, s.prefix, s.bytes, cast(s.collected_at as date) as collected_on,
        dense_rank() over (
            partition by s.source, s.bucket, cast(s.collected_at as date) order by s.collected_at desc, s.source_object
        ) as nth
    from landed_storage s
    where s.part = 'metadata'
),
metadata as (
    select t.table_id, i.collected_on, cast(sum(i.bytes) as bigint) as bytes
    from latest_tables t
    join inventories i
        on i.bucket = t.bucket and i.nth = 1
        and i.prefix = regexp_replace(trim(trailing '/' from t.location), '^s3[an]?://[^/]+/?', '') || '/'
    group by t.table_id, i.collected_on
)
select
    t.* replace (l.orphaned_bytes as orphaned_bytes),
    least(l.orphaned_bytes, greatest(m.bytes - t.metadata_bytes, 0)) as unnamed_metadata_bytes,
    least(t.collected_on, d.last_day) as seen_on,
    l.listed_on,
    coalesce(try_cast(t.properties as json), '{}') as props,
    h.schema_hash,
    s.first_commit_at
from latest_tables t
cross join waste_days d
left join hashes h on h.table_id = t.table_id and h.nth = 1
left join seen s on s.table_id = t.table_id
left join listed l on l.table_id = t.table_id and l.nth = 1
left join metadata m on m.table_id = t.table_id and m.collected_on = l.listed_on
