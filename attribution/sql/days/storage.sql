-- One row per UTC day with a cost and table or bucket: the collection of it that held on the day
-- or is the nearest to it, of two as near the earlier, and how far off that is; of a table that
-- is gone none after it was last seen.
with days as (
    select distinct usage_date as day from before.main.daily_balance
),
followed as (
    select
        bucket, table_id, collected_on, stored_bytes, held_on,
        lead(collected_on) over (partition by table_id order by collected_on) as one_after
    from stg_tables
),
held as (
    select *, least(held_on, coalesce(one_after - 1, held_on)) as until_on
    from followed
),
collections as (
    select *, lag(until_on) over (partition by table_id order by collected_on) as one_before
    from held
),
inventories as (
    select
        bucket, collected_on, sum(hash(s)) as mark,
        lag(collected_on) over (partition by bucket order by collected_on) as one_before,
        lead(collected_on) over (partition by bucket order by collected_on) as one_after
    from stg_storage s
    group by bucket, collected_on
)
select
    d.day,
    hash(c.bucket, c.table_id, c.collected_on, c.stored_bytes, greatest(c.collected_on - d.day, d.day - c.until_on, 0)) as mark
from collections c
join days d
    on (c.one_before is null or d.day > c.one_before + cast((c.collected_on - c.one_before) // 2 as integer))
    and d.day <= case when c.one_after is null then c.until_on
        else c.until_on + cast((c.one_after - c.until_on) // 2 as integer) end
where c.bucket is not null
union all
select d.day, hash(i.bucket, i.collected_on, i.mark)
from inventories i
join days d
    on (i.one_before is null or d.day > i.one_before + cast((i.collected_on - i.one_before) // 2 as integer))
    and (i.one_after is null or d.day <= i.collected_on + cast((i.one_after - i.collected_on) // 2 as integer))
