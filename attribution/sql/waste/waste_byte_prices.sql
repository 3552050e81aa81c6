-- One row per bucket, storage class, UTC day and currency: what a byte kept that day cost, by
-- the bill's own lines.
-- Key: bucket, storage_class, usage_date, billing_currency
with lines as (
    select
        bucket_of(g.resource_id) as bucket,
        storage_class_of(g.usage_type) as storage_class,
        g.usage_date, g.billing_currency, g.effective_cost,
        stored_bytes_of(cast(g.quantity as double), g.quantity_unit, g.bucket_start) as bytes
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
