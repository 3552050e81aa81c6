-- Answers what keeping fewer days would save: one row per table by day and currency. Saving = bytes
-- of older days x what a byte of the table cost in the last week; the note has who looked further back.
with old as (
    select
        p.table_id, sum(p.data_bytes) as bytes,
        coalesce(sum(p.data_bytes) filter (where p.rows_on < d.last_day - cast((select value from setting) as integer)), 0) as old_bytes
    from waste_partitions p
    cross join waste_days d
    where p.rows_on is not null
    group by p.table_id
),
stored as (
    select s.table_id, s.stored_bytes
    from stg_storage s
    join (select bucket, max(collected_on) as collected_on from stg_storage group by bucket) n
        on n.bucket = s.bucket and n.collected_on = s.collected_on
    where s.storage_class = '*' and s.table_id is not null
),
costs as (
    select c.table_id, c.billing_currency, cast(sum(c.storage_effective_cost) as double) / 7 * 30.4375 as cost
    from table_costs c
    join waste_days d on c.usage_date > d.last_day - 7
    group by c.table_id, c.billing_currency
)
select
    o.table_id as subject, c.billing_currency, c.cost,
    c.cost * o.old_bytes / greatest(coalesce(s.stored_bytes, o.bytes), 1) as saving,
    cast(round(o.old_bytes / 1e9) as bigint) || ' GB are older; of ' || coalesce(k.reads, 0) || ' reads '
        || case
            when k.back_max is null then 'none says how far back it looked'
            when k.back_max <= z.value then 'none looked further back'
            when k.back_p999 <= z.value then 'at most 1 in 1,000 looked further back'
            when k.back_p99 <= z.value then 'at most 1 in 100 looked further back'
            when k.back_p90 <= z.value then 'at most 1 in 10 looked further back'
            else 'more than 1 in 10 looked further back'
        end as note
from old o
join costs c on c.table_id = o.table_id
left join stored s on s.table_id = o.table_id
left join waste_lookbacks k on k.table_id = o.table_id
cross join setting z
where o.old_bytes > 0
