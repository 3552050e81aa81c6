-- Answers what running only on changed inputs would save: one row per workload and currency that
-- the clock starts and that still finds nothing new. Saving = cost of runs before which no input had changed. To
-- wait for a change costs nothing. Days are those its logs, and its inputs' writers', tell of.
with turns as (
    select t.*, least(b.last_day, coalesce(z.known_until, b.last_day)) as known_to
    from waste_turns t
    cross join looked b
    left join waste_silences z
        on z.detector = 'no-op-schedule' and z.subject_kind = 'workload' and z.subject = t.workload
)
select
    t.workload as subject, t.billing_currency,
    cast(sum(t.effective_cost) as double) / (date_diff('day', any_value(b.first_day), t.known_to) + 1) * 30.4375 as cost,
    coalesce(cast(sum(t.effective_cost) filter (where t.is_no_op) as double), 0)
        / (date_diff('day', any_value(b.first_day), t.known_to) + 1) * 30.4375 as saving,
    0.0 as fix_cost,
    count(*) filter (where t.is_no_op) || ' of ' || count(*) || ' runs found nothing new in ' || any_value(array_to_string(t.inputs, ', ')) as note
from turns t
cross join looked b
where cast(t.started_at as date) between b.first_day and t.known_to
group by t.workload, t.billing_currency, t.known_to
having max(cast(t.started_at as date)) filter (where t.is_no_op) > t.known_to - any_value(b.stale_days)
