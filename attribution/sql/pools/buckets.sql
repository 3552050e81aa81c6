-- One row per hour and one per day (bucket_hours 1 and 24) that any charge or node may fall into.
-- Key: bucket_start, bucket_hours
with bounds as (
    select min(first_at) as first_at, max(last_at) as last_at
    from (
        select
            min(charge_period_start) as first_at,
            -- A purchase for three years is spread over its billing month only.
            max(case when charge_category = 'Usage' then charge_period_end
                else least(charge_period_end, greatest(billing_period_end, charge_period_start + interval 1 day)) end) as last_at
        from stg_charges
        union all
        select min(hour), max(hour) + interval 1 hour from stg_run_hours
    ) spans
),
hours as (
    select explode(sequence(date_trunc('day', first_at), last_at, interval 1 hour)) as bucket_start, last_at
    from bounds
    where first_at is not null
),
days as (
    select explode(sequence(date_trunc('day', first_at), last_at, interval 1 day)) as bucket_start, last_at
    from bounds
    where first_at is not null
)
select bucket_start, 1 as bucket_hours
from hours
where bucket_start < last_at
union all
select bucket_start, 24
from days
where bucket_start < last_at
