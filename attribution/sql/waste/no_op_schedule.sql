-- One row per workload and currency that the clock starts though nothing it reads has changed
-- since it last succeeded, in a fifth of its runs and more: what those runs cost (waste_turns says
-- which). Not what reads anything that no table shows, nor inputs nobody is known to write.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['no-op-schedule.enabled'] as limit_enabled,
        number['no-op-schedule.min_share'] as limit_min_share,
        number['no-op-schedule.min_runs'] as limit_min_runs
    from waste_limits
),
counted as (
    select
        workload, billing_currency, count(*) as runs,
        count(*) filter (where is_no_op) as no_ops,
        any_value(inputs) as inputs,
        list(run_id order by started_at desc) filter (where is_no_op) as run_ids
    from waste_turns
    group by workload, billing_currency
),
wasteful as (
    select c.*, s.team
    from counted c
    join waste_subjects s on s.subject_kind = 'workload' and s.subject = c.workload
    join limits l on l.profile = s.profile
    where l.limit_enabled > 0 and c.no_ops >= l.limit_min_share * c.runs and c.no_ops >= l.limit_min_runs
),
daily as (
    select n.workload, n.billing_currency, d.usage_date, sum(d.effective_cost) as amount
    from wasteful w
    join waste_turns n on n.workload = w.workload and n.billing_currency = w.billing_currency and n.is_no_op
    join run_days d on d.engine = n.engine and d.run_id = n.run_id and d.billing_currency = n.billing_currency
    join waste_days b on d.usage_date between b.first_day and b.last_day
    group by all
)
select
    'no-op-schedule' as detector, 'workload' as subject_kind, w.workload as subject, w.team, w.billing_currency,
    0.0 as fix_cost, 28 as rate_days, 'high' as confidence,
    json_object(
        'runs', w.runs, 'without_change', w.no_ops, 'share', round(w.no_ops / w.runs, 4),
        'inputs', w.inputs,
        'latest', w.run_ids[:10]
    ) as evidence,
    ['every table it reads is written by a run that is known', 'rewrites are no change', 'the clock starts it'] as guards,
    '-- Maestro: replace time_triggers of `' || split_part(w.workload, '/', 1) || '` by' || chr(10)
        || 'signal_triggers: [{definitions: {"' || list_aggregate(w.inputs, 'string_agg', '": {}, "')
        || '": {}}}]' || chr(10) || '-- Airflow: schedule=[Asset("<table>")] in place of the cron expression' as action,
    list(struct_pack(pot_kind := 'workload', pot := w.workload, usage_date := c.usage_date, amount := cast(c.amount as decimal(38, 12))) order by c.usage_date) as claims
from wasteful w
join daily c on c.workload = w.workload and c.billing_currency = w.billing_currency
group by all
