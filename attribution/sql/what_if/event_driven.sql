-- Answers what running only on changed inputs would save: one row per workload and currency that
-- the clock starts. Saving = cost of runs before which no input had changed.
select
    t.workload as subject, t.billing_currency,
    cast(sum(t.effective_cost) as double) / any_value(b.days) * 30.4375 as cost,
    coalesce(cast(sum(t.effective_cost) filter (where t.is_no_op) as double), 0) / any_value(b.days) * 30.4375 as saving,
    count(*) filter (where t.is_no_op) || ' of ' || count(*) || ' runs found nothing new; inputs ' || any_value(array_to_string(t.inputs, ', ')) as note
from waste_turns t
cross join (select date_diff('day', first_day, last_day) + 1 as days from waste_days) b
cross join setting
group by t.workload, t.billing_currency
