-- One row per bucket, storage class, UTC day and currency: what a byte kept that day cost, by
-- the bill's own lines.
-- Key: bucket, storage_class, usage_date, billing_currency
with lines as (
    select
        case when g.resource_id like 'arn:aws%:s3:::%' then split_part(g.resource_id, ':::', 2) else g.resource_id end
            as bucket,
        case
            when g.usage_type like '%TimedStorage-ByteHrs' then 'STANDARD'
            when g.usage_type like '%TimedStorage-SIA-%' then 'STANDARD_IA'
            when g.usage_type like '%TimedStorage-ZIA-%' then 'ONEZONE_IA'
            when g.usage_type like '%TimedStorage-GIR-%' then 'GLACIER_IR'
            when g.usage_type like '%TimedStorage-GDA-%' then 'DEEP_ARCHIVE'
            when g.usage_type like '%TimedStorage-Glacier%' then 'GLACIER'
            when g.usage_type like '%TimedStorage-INT-%' then 'INTELLIGENT_TIERING'
        end as storage_class,
        g.usage_date, g.billing_currency, g.effective_cost,
        case
            when g.quantity_unit like 'GB-Mo%' or g.quantity_unit like 'GB/Mo%'
                then cast(g.quantity as double) * 1073741824.0 * date_part('day', last_day(g.usage_date))
            when g.quantity_unit like 'GB-H%' or g.quantity_unit like 'GB/H%'
                then cast(g.quantity as double) * 1073741824.0 / 24.0
            when lower(g.quantity_unit) like 'byte%-h%' then cast(g.quantity as double) / 24.0
        end as bytes
    from charge_groups g
    join waste_days d on g.usage_date between d.first_day and d.last_day
    where g.pool_kind = 'storage'
)
select
    bucket, storage_class, usage_date, billing_currency,
    sum(bytes) as bytes,
    cast(sum(effective_cost) as double) / sum(bytes) as byte_price
from lines
where bucket is not null and storage_class is not null and bytes > 0
group by bucket, storage_class, usage_date, billing_currency
