-- Answers what keeping fewer days would save: one row per table by day and currency. Saving = bytes of
-- older days x what a byte of the class they lie in cost in the last week, as of partition-ttl: the oldest lie
-- in the coldest class. To drop whole partitions is a matter of metadata, and deleting objects is free. The
-- note has who looked further back.
with old as (
    select
        p.table_id, sum(p.data_bytes) as bytes,
        coalesce(sum(p.data_bytes) filter (where p.rows_on < d.last_day - cast(z.value as integer)), 0) as old_bytes
    from waste_partitions p
    cross join looked d
    cross join setting z
    where p.rows_on is not null
    group by p.table_id
),
classes as (
    select s.table_id, s.storage_class, s.stored_bytes
    from stg_storage s
    -- The newest that lists the table: prefixes of a bucket may have inventories of their own, on other days.
    join (
        select l.table_id, l.bucket, max(l.collected_on) as collected_on
        from stg_storage l
        join latest_tables t on t.table_id = l.table_id and t.bucket = l.bucket
        group by l.table_id, l.bucket
    ) n on n.table_id = s.table_id and n.bucket = s.bucket and n.collected_on = s.collected_on
    where s.storage_class <> '*'
),
sized as (
    select
        o.table_id, t.bucket, o.old_bytes,
        coalesce(sum(c.stored_bytes) filter (where c.storage_class = 'STANDARD'), case when count(c.table_id) = 0 then o.bytes else 0 end)
            as standard_bytes,
        coalesce(sum(c.stored_bytes) filter (where c.storage_class <> 'STANDARD'), 0) as cold_bytes,
        arg_max(c.storage_class, c.stored_bytes) filter (where c.storage_class <> 'STANDARD') as cold_class
    from old o
    join latest_tables t on t.table_id = o.table_id
    left join classes c on c.table_id = o.table_id
    where o.old_bytes > 0
    group by o.table_id, t.bucket, o.bytes, o.old_bytes
),
prices as (
    -- What a byte comes to in a month, at the price of the last week.
    select p.bucket, p.storage_class, p.billing_currency, avg(p.byte_price) * 30.4375 as month_price
    from waste_byte_prices p
    join looked d on p.usage_date > d.last_day - 7
    group by all
),
priced as (
    select
        s.table_id, p.billing_currency, s.old_bytes,
        s.standard_bytes * p.month_price + s.cold_bytes * coalesce(c.month_price, p.month_price) as cost,
        least(s.old_bytes, s.cold_bytes) * coalesce(c.month_price, p.month_price)
            + greatest(s.old_bytes - s.cold_bytes, 0) * p.month_price as saving
    from sized s
    join prices p on p.bucket = s.bucket and p.storage_class = 'STANDARD'
    left join prices c
        on c.bucket = s.bucket and c.storage_class = s.cold_class and c.billing_currency = p.billing_currency
)
select
    p.table_id as subject, p.billing_currency, p.cost, least(p.saving, p.cost) as saving, 0.0 as fix_cost,
    format('{:,.1f}', p.old_bytes / 1073741824.0) || ' GiB are older; of ' || format('{:,}', coalesce(k.reads, 0)) || ' reads '
        || case
            when k.back_max is null then 'none says how far back it looked'
            when k.back_max <= z.value then 'none looked further back'
            when k.back_p999 <= z.value then 'at most 1 in 1,000 looked further back'
            when k.back_p99 <= z.value then 'at most 1 in 100 looked further back'
            when k.back_p90 <= z.value then 'at most 1 in 10 looked further back'
            else 'more than 1 in 10 looked further back'
        end
        || case when list_has_any(list_transform(l.tags, lambda t: split_part(t, '=', 1)), l.words['partition-ttl.hold_properties']) then '; its properties ask to keep it' else '' end as note
from priced p
left join limits l on l.subject_kind = 'table' and l.subject = p.table_id
left join waste_lookbacks k on k.table_id = p.table_id
cross join setting z
