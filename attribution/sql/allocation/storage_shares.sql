-- One row per storage charge group and table that lies in its bucket, and one without a
-- table for bytes no table accounts for: weights in bytes.
-- A bucket's bill in bytes of a day = GB-months x 2^30 x hours of the month / 24.
-- Bytes come from the bucket's inventories, class by class; where it has none, from the
-- tables' metadata, which does not say in which class a file lies: all classes are split alike.
-- Key: group_nr, table_id?
with groups as (
    select
        g.group_nr,
        g.billing_currency,
        -- arn:aws:s3:::bucket
        case when g.resource_id like 'arn:aws%:s3:::%' then split_part(g.resource_id, ':::', 2) else g.resource_id end
            as bucket,
        g.usage_date,
        -- TimedStorage-SIA-ByteHrs, EUW1-TimedStorage-ByteHrs, ...
        case
            when g.usage_type like '%TimedStorage-ByteHrs' then 'STANDARD'
            when g.usage_type like '%TimedStorage-SIA-%' then 'STANDARD_IA'
            when g.usage_type like '%TimedStorage-ZIA-%' then 'ONEZONE_IA'
            when g.usage_type like '%TimedStorage-GIR-%' then 'GLACIER_IR'
            when g.usage_type like '%TimedStorage-GDA-%' then 'DEEP_ARCHIVE'
            when g.usage_type like '%TimedStorage-Glacier%' then 'GLACIER'
            when g.usage_type like '%TimedStorage-INT-%' then 'INTELLIGENT_TIERING'
            when g.usage_type like '%TimedStorage-RRS-%' then 'REDUCED_REDUNDANCY'
        end as storage_class,
        case
            when g.quantity_unit like 'GB-Mo%' or g.quantity_unit like 'GB/Mo%' then cast(floor(
                cast(g.quantity as double) * 1073741824.0
                * (unix_seconds(date_trunc('month', g.bucket_start) + interval 1 month)
                    - unix_seconds(date_trunc('month', g.bucket_start))) / 3600.0 / 24.0
            ) as bigint)
            when g.quantity_unit like 'GB-H%' or g.quantity_unit like 'GB/H%'
                then cast(floor(cast(g.quantity as double) * 1073741824.0 / 24.0) as bigint)
            when lower(g.quantity_unit) like 'byte-h%' or lower(g.quantity_unit) like 'bytes-h%' then cast(floor(cast(g.quantity as double) / 24.0) as bigint)
        end as billed_bytes
    from charge_groups g
    where g.pool_kind = 'storage'
),
inventoried as (
    select distinct bucket, collected_on from stg_storage
),
classed as (
    select
        g.group_nr, g.bucket, g.usage_date, g.billed_bytes,
        case when i.bucket is null then '*' else coalesce(g.storage_class, '*') end as storage_class,
        case when i.bucket is null then 0 else 1 end as is_inventoried
    from groups g
    left join (select distinct bucket from inventoried) i on i.bucket = g.bucket
    where g.bucket is not null and g.billed_bytes is not null
),
bucket_days as (
    select
        bucket, storage_class, usage_date, max(is_inventoried) as is_inventoried,
        cast(sum(billed_bytes) as bigint) as billed_bytes
    from classed
    group by bucket, storage_class, usage_date
),
-- The inventory nearest to the day; of two as near the earlier.
inventory_of_day as (
    select
        d.bucket, d.usage_date, i.collected_on,
        row_number() over (
            partition by d.bucket, d.usage_date
            order by abs(unix_seconds(cast(d.usage_date as timestamp)) - unix_seconds(cast(i.collected_on as timestamp))), i.collected_on
        ) as nth
    from (select distinct bucket, usage_date from bucket_days where is_inventoried = 1) d
    join inventoried i on i.bucket = d.bucket
),
by_inventory as (
    select d.bucket, d.storage_class, d.usage_date, s.table_id, s.stored_bytes, s.collected_on
    from bucket_days d
    join inventory_of_day n on n.bucket = d.bucket and n.usage_date = d.usage_date and n.nth = 1
    join stg_storage s
        on s.bucket = d.bucket and s.storage_class = d.storage_class and s.collected_on = n.collected_on
    where d.is_inventoried = 1 and s.table_id is not null and s.stored_bytes > 0
),
-- A table that is no longer there holds bytes until it was last seen.
seen as (
    select
        t.table_id,
        max(t.collected_on) as last_on,
        max(case when u.unit is not null then 1 else 0 end) as is_there
    from stg_tables t
    left join source_units u on u.source = t.source and u.unit = t.source_object
    group by t.table_id
),
collections as (
    select
        b.bucket, b.storage_class, b.usage_date, t.table_id, t.stored_bytes, t.collected_on,
        row_number() over (
            partition by b.bucket, b.usage_date, t.table_id
            order by abs(unix_seconds(cast(b.usage_date as timestamp)) - unix_seconds(cast(t.collected_on as timestamp))), t.collected_on
        ) as nth
    from bucket_days b
    join stg_tables t on t.bucket = b.bucket
    join seen s on s.table_id = t.table_id and (s.is_there = 1 or b.usage_date <= s.last_on)
    where b.is_inventoried = 0
),
nearest as (
    select bucket, storage_class, usage_date, table_id, stored_bytes, collected_on
    from by_inventory
    union all
    select bucket, storage_class, usage_date, table_id, stored_bytes, collected_on
    from collections
    where nth = 1 and stored_bytes > 0
),
rest as (
    select
        b.bucket, b.storage_class, b.usage_date,
        greatest(b.billed_bytes - coalesce(sum(n.stored_bytes), 0), 0) as unmeasured_bytes
    from bucket_days b
    left join nearest n on n.bucket = b.bucket and n.storage_class = b.storage_class and n.usage_date = b.usage_date
    group by b.bucket, b.storage_class, b.usage_date, b.billed_bytes
),
by_table as (
    select
        g.group_nr, n.table_id, cast(n.stored_bytes as bigint) as weight,
        case when n.collected_on = g.usage_date then 'storage-bytes' else 'storage-nearest' end as method
    from classed g
    join nearest n on n.bucket = g.bucket and n.storage_class = g.storage_class and n.usage_date = g.usage_date
),
unmeasured as (
    select g.group_nr, cast(r.unmeasured_bytes as bigint) as weight
    from classed g
    join rest r on r.bucket = g.bucket and r.storage_class = g.storage_class and r.usage_date = g.usage_date
    where r.unmeasured_bytes > 0
)
select group_nr, table_id, weight, method
from by_table
union all
select group_nr, cast(null as varchar), weight, 'storage-unmeasured'
from unmeasured
union all
-- No bucket named, no bytes in its unit, or nothing billed and nothing measured: unmeasured whole.
select g.group_nr, cast(null as varchar), cast(1 as bigint), 'storage-unmeasured'
from groups g
left join (
    select group_nr from by_table
    union
    select group_nr from unmeasured
) f on f.group_nr = g.group_nr
where f.group_nr is null
