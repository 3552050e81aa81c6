-- One row per UTC day with a cost and usage row that holds on it.
with days as (
    select distinct usage_date as day from before.main.daily_balance
)
select d.day, hash(u) as mark
from stg_usage_shares u
join days d on d.day >= u.starts_on and (u.ends_on is null or d.day < u.ends_on)
