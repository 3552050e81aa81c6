-- One row per mart: the days waste is looked for in.
-- Key: last_day?
with costs as (
    select min(usage_date) as first_day, max(usage_date) as last_day
    from daily_costs
    where category in ('usage', 'idle', 'storage')
),
history as (
    select cast(value as integer) as days from rule_waste where setting = 'general.history_days' and scope = ''
)
select
    greatest(c.first_day, cast(c.last_day - (h.days - 1) as date)) as first_day,
    c.last_day
from costs c
cross join history h
