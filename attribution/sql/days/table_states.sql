-- One row per UTC day with a cost and table: the bytes of the collection nearest to the day, of
-- two as near the earlier.
with days as (
    select distinct usage_date as day from before.main.daily_balance
),
collections as (
    select
        table_id, collected_on, hash(b) as mark,
        lag(collected_on) over (partition by table_id order by collected_on) as one_before,
        lead(collected_on) over (partition by table_id order by collected_on) as one_after
    from table_bytes b
)
select d.day, c.mark
from collections c
join days d
    on (c.one_before is null or d.day > c.one_before + cast((c.collected_on - c.one_before) // 2 as integer))
    and (c.one_after is null or d.day <= c.collected_on + cast((c.one_after - c.collected_on) // 2 as integer))
