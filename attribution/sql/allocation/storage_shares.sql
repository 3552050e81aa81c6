-- One row per storage charge group and table that lies in its bucket, and one without a
-- table for bytes no table accounts for: weights in bytes.
-- A bucket's bill in bytes of a day = GB-months x 2^30 x hours of the month / 24.
with groups as (
    select
        g.charge_group_id,
        g.billing_currency,
        -- arn:aws:s3:::bucket
        case when g.resource_id like 'arn:aws%:s3:::%' then split_part(g.resource_id, ':::', 2) else g.resource_id end
            as bucket,
        g.usage_date,
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
bucket_days as (
    select bucket, usage_date, cast(sum(billed_bytes) as bigint) as billed_bytes
    from groups
    where bucket is not null and billed_bytes is not null
    group by bucket, usage_date
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
        b.bucket, b.usage_date, b.billed_bytes, t.table_id, t.stored_bytes, t.collected_on,
        row_number() over (
            partition by b.bucket, b.usage_date, t.table_id
            order by abs(date_diff('day', b.usage_date, t.collected_on)), t.collected_on
        ) as nth
    from bucket_days b
    join stg_tables t on t.bucket = b.bucket
    join seen s on s.table_id = t.table_id and (s.is_there = 1 or b.usage_date <= s.last_on)
),
nearest as (
    select bucket, usage_date, billed_bytes, table_id, stored_bytes, collected_on
    from collections
    where nth = 1 and stored_bytes > 0
),
rest as (
    select
        b.bucket, b.usage_date,
        greatest(b.billed_bytes - coalesce(sum(n.stored_bytes), 0), 0) as unmeasured_bytes
    from bucket_days b
    left join nearest n on n.bucket = b.bucket and n.usage_date = b.usage_date
    group by b.bucket, b.usage_date, b.billed_bytes
),
-- Metadata does not say in which storage class a file lies: each class of a bucket is split alike.
by_table as (
    select
        g.charge_group_id, n.table_id, cast(n.stored_bytes as bigint) as weight,
        case when n.collected_on = g.usage_date then 'storage-bytes' else 'storage-nearest' end as method
    from groups g
    join nearest n on n.bucket = g.bucket and n.usage_date = g.usage_date
    where g.billed_bytes is not null
)
select charge_group_id, table_id, weight, method
from by_table
union all
select g.charge_group_id, cast(null as varchar), cast(r.unmeasured_bytes as bigint), 'storage-unmeasured'
from groups g
join rest r on r.bucket = g.bucket and r.usage_date = g.usage_date
where r.unmeasured_bytes > 0 and g.billed_bytes is not null
union all
-- No bucket named, no bytes in its unit, or nothing billed and nothing measured: unmeasured whole.
select g.charge_group_id, cast(null as varchar), cast(1 as bigint), 'storage-unmeasured'
from groups g
left join rest r
    on r.bucket = g.bucket and r.usage_date = g.usage_date and r.unmeasured_bytes > 0 and g.billed_bytes is not null
left join (select distinct charge_group_id from by_table) t on t.charge_group_id = g.charge_group_id
where r.bucket is null and t.charge_group_id is null
