-- One row per UTC day with a cost and table or bucket: the collection of it that is nearest to
-- the day, of two as near the earlier; of a table that is gone none after it was last seen.
with days as (
    select distinct usage_date as day from before.main.daily_balance
),
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
        bucket, table_id, collected_on, stored_bytes,
        lag(collected_on) over (partition by bucket, table_id order by collected_on) as one_before,
        lead(collected_on) over (partition by bucket, table_id order by collected_on) as one_after
    from stg_tables
    where bucket is not null
),
inventories as (
    select
        bucket, collected_on, sum(hash(s)) as mark,
        lag(collected_on) over (partition by bucket order by collected_on) as one_before,
        lead(collected_on) over (partition by bucket order by collected_on) as one_after
    from stg_storage s
    group by bucket, collected_on
)
select d.day, hash(c.bucket, c.table_id, c.collected_on, c.stored_bytes) as mark
from collections c
join seen s on s.table_id = c.table_id
join days d
    on (c.one_before is null or d.day > c.one_before + cast((c.collected_on - c.one_before) // 2 as integer))
    and (c.one_after is null or d.day <= c.collected_on + cast((c.one_after - c.collected_on) // 2 as integer))
    and (s.is_there = 1 or d.day <= s.last_on)
union all
select d.day, hash(i.bucket, i.collected_on, i.mark)
from inventories i
join days d
    on (i.one_before is null or d.day > i.one_before + cast((i.collected_on - i.one_before) // 2 as integer))
    and (i.one_after is null or d.day <= i.collected_on + cast((i.one_after - i.collected_on) // 2 as integer))
