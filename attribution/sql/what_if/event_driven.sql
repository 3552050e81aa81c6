-- Answers what running only on changed inputs would save: one row per workload and currency that
-- the clock starts and that still finds nothing new. Saving = cost of runs before which no input had changed. To
-- wait for a change costs nothing.
select
    t.workload as subject, t.billing_currency,
    cast(sum(t.effective_cost) as double) / any_value(b.days) * 30.4375 as cost,
    coalesce(cast(sum(t.effective_cost) filter (where t.is_no_op) as double), 0) / any_value(b.days) * 30.4375 as saving,
    0.0 as fix_cost,
    count(*) filter (where t.is_no_op) || ' of ' || count(*) || ' runs found nothing new in ' || any_value(array_to_string(t.inputs, ', ')) as note
from waste_turns t
cross join looked b
where cast(t.started_at as date) between b.first_day and b.last_day
group by t.workload, t.billing_currency
having max(cast(t.started_at as date)) filter (where t.is_no_op) > any_value(b.stale_on)
