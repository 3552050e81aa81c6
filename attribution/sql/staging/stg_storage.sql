-- One row per bucket, storage class ('*': all of them), day an inventory of the bucket was
-- made, and table (or none) whose location the objects lie below: their bytes, versions
-- that are not current included, for they are billed alike, and what of them these are.
-- Key: bucket, storage_class, collected_on, table_id?
with ranked as (
    select
        s.*,
        cast(s.collected_at as date) as collected_on,
        dense_rank() over (
            -- Inventories of different prefixes of one bucket are sources of their own: they add up.
            partition by s.source, s.bucket, cast(s.collected_at as date)
            order by s.collected_at desc, s.source_object
        ) as nth
    from landed_storage s
),
latest as (
    select
        bucket, collected_on, prefix, storage_class,
        sum(bytes + noncurrent_bytes) as bytes, sum(noncurrent_bytes) as noncurrent_bytes
    from ranked
    where nth = 1
    group by bucket, collected_on, prefix, storage_class
),
locations as (
    -- A table that moved holds what lies below either place.
    select
        table_id,
        bucket,
        regexp_replace(trim(trailing '/' from location), '^s3[an]?://[^/]+/?', '') || '/' as prefix,
        max(collected_at) as collected_at
    from stg_tables
    where bucket is not null
    group by table_id, bucket, regexp_replace(trim(trailing '/' from location), '^s3[an]?://[^/]+/?', '')
),
up_0 as (
    select distinct bucket, prefix, prefix as parent, 0 as up from latest
),
-- Prefixes are cut at the first data, metadata or name=value part: a table's files lie in
-- its location or a few directories below it (write.data.path, hashed layouts).
up_1 as (
    select bucket, prefix, regexp_replace(parent, '[^/]+/$', '') as parent, 1 as up from up_0 where parent <> ''
),
up_2 as (
    select bucket, prefix, regexp_replace(parent, '[^/]+/$', '') as parent, 2 as up from up_1 where parent <> ''
),
up_3 as (
    select bucket, prefix, regexp_replace(parent, '[^/]+/$', '') as parent, 3 as up from up_2 where parent <> ''
),
parents as (
    select * from up_0
    union all
    select * from up_1
    union all
    select * from up_2
    union all
    select * from up_3
),
matched as (
    select
        p.bucket, p.prefix, l.table_id,
        -- Of tables at one place the one that was collected there last.
        row_number() over (
            partition by p.bucket, p.prefix order by p.up, l.collected_at desc, l.table_id
        ) as nth
    from parents p
    join locations l on l.bucket = p.bucket and l.prefix = p.parent
),
by_class as (
    select
        l.bucket, l.storage_class, l.collected_on, m.table_id,
        cast(sum(l.bytes) as bigint) as stored_bytes, cast(sum(l.noncurrent_bytes) as bigint) as noncurrent_bytes
    from latest l
    left join matched m on m.bucket = l.bucket and m.prefix = l.prefix and m.nth = 1
    group by l.bucket, l.storage_class, l.collected_on, m.table_id
)
select bucket, storage_class, collected_on, table_id, stored_bytes, noncurrent_bytes
from by_class
union all
select bucket, '*', collected_on, table_id, cast(sum(stored_bytes) as bigint), cast(sum(noncurrent_bytes) as bigint)
from by_class
group by bucket, collected_on, table_id
