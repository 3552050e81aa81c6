-- One row per storage charge group and table that lies in its bucket, and one without a
-- table for bytes no table accounts for: weights in bytes.
-- A bucket's bill in bytes of a day = GB-months x 2^30 x hours of the month / 24.
-- Bytes come from the bucket's inventories, class by class; where it has none, from the
-- tables' metadata, which does not say in which class a file lies: all classes are split
-- alike. An old or partial inventory gives way to nearer metadata (by_table_day).
-- Key: group_nr, table_id?
with groups as (
    select
        g.group_nr,
        g.billing_currency,
        bucket_of(g.resource_id) as bucket,
        g.usage_date,
        storage_class_of(g.usage_type) as storage_class,
        cast(floor(stored_bytes_of(cast(g.quantity as double), g.quantity_unit, g.bucket_start)) as bigint)
            as billed_bytes
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
        abs(unix_seconds(cast(d.usage_date as timestamp)) - unix_seconds(cast(i.collected_on as timestamp))) / 86400 as days_off,
        row_number() over (
            partition by d.bucket, d.usage_date
            order by abs(unix_seconds(cast(d.usage_date as timestamp)) - unix_seconds(cast(i.collected_on as timestamp))), i.collected_on
        ) as nth
    from (select distinct bucket, usage_date from bucket_days where is_inventoried = 1) d
    join inventoried i on i.bucket = d.bucket
),
coverage as (
    -- An inventory of some prefixes lists far less than is billed.
    select
        n.bucket, n.usage_date, n.collected_on, n.days_off,
        case when cast(i.bytes as double) < 0.9 * cast(b.billed_bytes as double) then 1 else 0 end as is_partial
    from inventory_of_day n
    join (
        select bucket, usage_date, sum(billed_bytes) as billed_bytes from bucket_days group by bucket, usage_date
    ) b on b.bucket = n.bucket and b.usage_date = n.usage_date
    join (
        select bucket, collected_on, sum(stored_bytes) as bytes
        from stg_storage
        where storage_class = '*'
        group by bucket, collected_on
    ) i on i.bucket = n.bucket and i.collected_on = n.collected_on
    where n.nth = 1
),
day_bounds as (
    select min(usage_date) as first_on, max(usage_date) as last_on from bucket_days
),
-- A collection holds until the next one of its table, or until it was last confirmed.
followed as (
    select
        t.bucket, t.table_id, t.stored_bytes, t.collected_on, t.held_on,
        lead(t.collected_on) over (partition by t.table_id order by t.collected_on) as next_on
    from stg_tables t
),
collected as (
    select
        f.bucket, f.table_id, f.stored_bytes, f.collected_on, f.next_on,
        least(f.held_on, coalesce(cast(date_add(f.next_on, -1) as date), f.held_on)) as until_on
    from followed f
),
preceded as (
    select
        c.*,
        lag(c.until_on) over (partition by c.table_id order by c.collected_on) as before_on
    from collected c
),
-- The days of a collection: those it held on, and those between that it is the nearest to; of
-- two as near the earlier. Before the first nobody knows; after the last, a table is gone.
reaches as (
    select
        p.bucket, p.table_id, p.stored_bytes, p.collected_on, p.until_on,
        case when p.before_on is null then b.first_on
            else greatest(b.first_on, cast(date_add(p.before_on, cast(floor(datediff(p.collected_on, p.before_on) / 2.0) as int) + 1) as date)) end as from_on,
        case when p.next_on is null then least(b.last_on, p.until_on)
            else least(b.last_on, cast(date_add(p.until_on, cast(floor(datediff(p.next_on, p.until_on) / 2.0) as int)) as date)) end as to_on
    from preceded p
    cross join day_bounds b
    where p.bucket is not null
),
reached as (
    select
        r.bucket, r.table_id, r.stored_bytes, r.collected_on, r.until_on,
        explode(sequence(cast(r.from_on as timestamp), cast(r.to_on as timestamp), interval 1 day)) as reached_at
    from reaches r
    where r.from_on <= r.to_on
),
metadata as (
    select
        r.bucket, b.usage_date, r.table_id, r.stored_bytes, r.collected_on,
        greatest(datediff(r.collected_on, b.usage_date), datediff(b.usage_date, r.until_on), 0) as days_off
    from reached r
    join (select distinct bucket, usage_date from bucket_days) b
        on b.bucket = r.bucket and b.usage_date = cast(r.reached_at as date)
    where r.stored_bytes > 0
),
listed as (
    select c.bucket, c.usage_date, s.table_id, s.stored_bytes, c.collected_on, c.days_off
    from coverage c
    join stg_storage s
        on s.bucket = c.bucket and s.collected_on = c.collected_on and s.storage_class = '*'
    where s.table_id is not null and s.stored_bytes > 0
),
-- Which of the two says what a table held on a day. An inventory knows orphans and classes:
-- where it lists the table it holds, unless it is more than 14 days off (a weekly one that
-- failed once) and the metadata is nearer. Of a table it lists nothing of, the metadata is
-- believed where it is as near, or where the inventory covers less than nine tenths of the
-- bytes billed and the metadata is at most 14 days off.
by_table_day as (
    select
        coalesce(l.bucket, m.bucket) as bucket,
        coalesce(l.usage_date, m.usage_date) as usage_date,
        coalesce(l.table_id, m.table_id) as table_id,
        l.stored_bytes as listed_bytes,
        m.stored_bytes as metadata_bytes,
        l.collected_on as listed_on,
        m.collected_on as metadata_on,
        case
            when c.bucket is null then 'unlisted bucket'
            when l.table_id is not null and (l.days_off <= 14 or m.table_id is null or m.days_off >= l.days_off)
                then 'inventory'
            when l.table_id is not null then 'old inventory'
            when m.days_off <= c.days_off or (c.is_partial = 1 and m.days_off <= 14) then 'not listed'
            else 'gone'
        end as told_by
    from listed l
    full outer join metadata m
        on m.bucket = l.bucket and m.usage_date = l.usage_date and m.table_id = l.table_id
    left join coverage c
        on c.bucket = coalesce(l.bucket, m.bucket) and c.usage_date = coalesce(l.usage_date, m.usage_date)
),
by_inventory as (
    -- An old inventory still says in which classes a table lies.
    select
        d.bucket, d.storage_class, d.usage_date, t.table_id,
        case
            when t.told_by = 'inventory' then s.stored_bytes
            else cast(floor(
                cast(t.metadata_bytes as double) * (cast(s.stored_bytes as double) / cast(t.listed_bytes as double))
            ) as bigint)
        end as stored_bytes,
        case when t.told_by = 'inventory' then t.listed_on else t.metadata_on end as collected_on
    from by_table_day t
    join bucket_days d on d.bucket = t.bucket and d.usage_date = t.usage_date
    join stg_storage s
        on s.bucket = t.bucket and s.storage_class = d.storage_class and s.collected_on = t.listed_on
        and s.table_id = t.table_id
    where t.told_by in ('inventory', 'old inventory') and s.stored_bytes > 0
),
unexplained as (
    select
        b.bucket, b.storage_class, b.usage_date,
        greatest(b.billed_bytes - coalesce(sum(n.stored_bytes), 0), 0) as bytes
    from bucket_days b
    left join by_inventory n on n.bucket = b.bucket and n.storage_class = b.storage_class and n.usage_date = b.usage_date
    where b.is_inventoried = 1
    group by b.bucket, b.storage_class, b.usage_date, b.billed_bytes
),
unexplained_days as (
    select bucket, usage_date, sum(bytes) as bytes
    from unexplained
    group by bucket, usage_date
),
not_listed_days as (
    select bucket, usage_date, sum(metadata_bytes) as bytes
    from by_table_day
    where told_by = 'not listed'
    group by bucket, usage_date
),
by_metadata as (
    -- What an inventory does not list lies in what of the bill it does not explain, class by
    -- class, and takes nothing from the tables it does list.
    select
        u.bucket, u.storage_class, u.usage_date, t.table_id,
        cast(floor(
            cast(t.metadata_bytes as double)
            * least(1.0, cast(d.bytes as double) / cast(n.bytes as double))
            * (cast(u.bytes as double) / cast(d.bytes as double))
        ) as bigint) as stored_bytes,
        t.metadata_on as collected_on
    from by_table_day t
    join not_listed_days n on n.bucket = t.bucket and n.usage_date = t.usage_date
    join unexplained_days d on d.bucket = t.bucket and d.usage_date = t.usage_date and d.bytes > 0
    join unexplained u on u.bucket = t.bucket and u.usage_date = t.usage_date and u.bytes > 0
    where t.told_by = 'not listed'
),
nearest as (
    select bucket, storage_class, usage_date, table_id, stored_bytes, collected_on
    from by_inventory
    where stored_bytes > 0
    union all
    select bucket, storage_class, usage_date, table_id, stored_bytes, collected_on
    from by_metadata
    where stored_bytes > 0
    union all
    select t.bucket, '*', t.usage_date, t.table_id, t.metadata_bytes, t.metadata_on
    from by_table_day t
    where t.told_by = 'unlisted bucket'
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
