-- One row per UTC day with a cost and table: the bytes that were known to hold on the day, or are
-- the nearest to it, of two as near the earlier.
with days as (
    select distinct usage_date as day from before.main.daily_balance
),
followed as (
    select
        *,
        lead(known_on) over (partition by table_id order by known_on) as one_after,
        lead(collected_on) over (partition by table_id order by known_on) as next_collected_on
    from table_bytes
),
held as (
    select
        *,
        case when next_collected_on = collected_on then known_on
            else least(held_on, coalesce(one_after - 1, held_on)) end as until_on
    from followed
),
known as (
    select
        table_id, known_on, until_on, one_after,
        -- Not until when it holds: of a day on which it does, that says nothing.
        hash(table_id, collected_on, listed_on, live_bytes, expirable_bytes, orphaned_bytes, noncurrent_bytes) as mark,
        lag(until_on) over (partition by table_id order by known_on) as one_before
    from held
)
select d.day, k.mark
from known k
join days d
    on (k.one_before is null or d.day > k.one_before + cast((k.known_on - k.one_before) // 2 as integer))
    and (k.one_after is null or d.day <= k.until_on + cast((k.one_after - k.until_on) // 2 as integer))
