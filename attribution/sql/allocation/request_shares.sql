-- One row per charge group of a bucket's requests, retrieval or transfer out, and table in
-- the bucket that was read or written that day, and one without a table for what no table
-- accounts for: weights in requests, or in bytes read. A bucket-day without such facts has
-- no rows: it stays with the bucket's owner.
-- Key: group_nr, table_id?
with groups as (
    select
        g.group_nr,
        bucket_of(g.resource_id) as bucket,
        g.usage_date,
        -- Requests-Tier1 is of the class of PUT, Requests-SIA-Tier2 of that of GET.
        case
            when g.pool_rule = 'object-requests' and g.usage_type like '%Requests-%Tier1' then 'puts'
            when g.pool_rule = 'object-requests' and g.usage_type like '%Requests-%Tier2' then 'gets'
            when g.pool_rule = 'object-retrieval' and g.usage_type like '%Retrieval-SIA' then 'STANDARD_IA'
            when g.pool_rule = 'object-retrieval' and g.usage_type like '%Retrieval-ZIA' then 'ONEZONE_IA'
            when g.pool_rule = 'object-retrieval' and g.usage_type like '%Retrieval-GIR' then 'GLACIER_IR'
            when g.pool_rule = 'object-transfer' and g.usage_type like '%Out-Bytes' then 'bytes'
        end as counted,
        g.quantity_unit,
        case
            when lower(g.quantity_unit) like 'request%' then cast(floor(cast(g.quantity as double)) as bigint)
            when lower(g.quantity_unit) in ('gb', 'gigabyte', 'gigabytes')
                then cast(floor(cast(g.quantity as double) * 1073741824.0) as bigint)
        end as billed
    from charge_groups g
    where g.pool_rule in ('object-requests', 'object-retrieval', 'object-transfer') and g.pool_kind = 'direct'
),
counted_groups as (
    select group_nr, bucket, usage_date, counted, billed
    from groups
    where bucket is not null and counted is not null and billed is not null
        and (lower(quantity_unit) like 'request%') = (counted in ('puts', 'gets'))
),
bucket_days as (
    select
        bucket, usage_date, counted,
        cast(sum(billed) as bigint) as billed
    from counted_groups
    group by bucket, usage_date, counted
),
buckets_of_tables as (
    select table_id, bucket
    from (
        select table_id, bucket, row_number() over (partition by table_id order by collected_at desc) as nth
        from stg_tables
        where bucket is not null
    ) ranked
    where nth = 1
),
inventory_of_day as (
    -- The inventory nearest to the day; of two as near the earlier.
    select
        d.bucket, d.usage_date, i.collected_on,
        row_number() over (
            partition by d.bucket, d.usage_date
            order by abs(unix_seconds(cast(d.usage_date as timestamp)) - unix_seconds(cast(i.collected_on as timestamp))), i.collected_on
        ) as nth
    from (
        select distinct bucket, usage_date
        from bucket_days
        where counted in ('STANDARD_IA', 'ONEZONE_IA', 'GLACIER_IR')
    ) d
    join (select distinct bucket, collected_on from stg_storage) i on i.bucket = d.bucket
),
class_parts as (
    -- Only what lies in a colder class is retrieved: which part of each table does.
    select
        c.bucket, n.usage_date, c.storage_class, c.table_id,
        cast(c.stored_bytes as double) / cast(a.stored_bytes as double) as part
    from stg_storage c
    join inventory_of_day n on n.bucket = c.bucket and n.collected_on = c.collected_on and n.nth = 1
    join stg_storage a
        on a.bucket = c.bucket and a.collected_on = c.collected_on and a.table_id = c.table_id
        and a.storage_class = '*'
    where c.storage_class in ('STANDARD_IA', 'ONEZONE_IA', 'GLACIER_IR') and c.stored_bytes > 0
),
facts as (
    select b.bucket, r.used_on, r.table_id, 'gets' as counted, r.gets as weight
    from stg_table_requests r
    join buckets_of_tables b on b.table_id = r.table_id
    union all
    select b.bucket, r.used_on, r.table_id, 'puts', r.puts
    from stg_table_requests r
    join buckets_of_tables b on b.table_id = r.table_id
    union all
    select b.bucket, r.used_on, r.table_id, 'bytes', r.bytes_read
    from stg_table_requests r
    join buckets_of_tables b on b.table_id = r.table_id
    union all
    select c.bucket, r.used_on, r.table_id, c.storage_class, cast(floor(cast(r.bytes_read as double) * c.part) as bigint)
    from stg_table_requests r
    join class_parts c on c.table_id = r.table_id and c.usage_date = r.used_on
),
explained as (
    select
        d.bucket, d.usage_date, d.counted, d.billed,
        cast(sum(f.weight) as bigint) as weight
    from bucket_days d
    join facts f
        on f.bucket = d.bucket and f.used_on = d.usage_date and f.counted = d.counted and f.weight > 0
    group by d.bucket, d.usage_date, d.counted, d.billed
)
select g.group_nr, f.table_id, cast(f.weight as bigint) as weight, 'request-share' as method
from counted_groups g
join facts f
    on f.bucket = g.bucket and f.used_on = g.usage_date and f.counted = g.counted and f.weight > 0
union all
select g.group_nr, cast(null as varchar), cast(e.billed - e.weight as bigint), 'request-rest'
from counted_groups g
join explained e
    on e.bucket = g.bucket and e.usage_date = g.usage_date and e.counted = g.counted
where e.billed > e.weight
