-- One row per hour and one per day (bucket_hours 1 and 24) that any charge or node may fall into.
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
)
select bucket_start, bucket_hours
from hour_series((select date_trunc('day', first_at) from bounds), (select last_at from bounds))
