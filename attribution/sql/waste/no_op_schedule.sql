-- One row per workload and currency that the clock starts though nothing it reads has changed
-- since it last succeeded, in a fifth and more of its runs in the week before and after: what those
-- runs cost (waste_turns says which). Not what reads anything that no table shows, nor inputs nobody is known to write.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['no-op-schedule.enabled'] as limit_enabled,
        number['no-op-schedule.min_share'] as limit_min_share,
        number['no-op-schedule.min_runs'] as limit_min_runs
    from waste_limits
),
days as (
    select workload, billing_currency, cast(started_at as date) as day, count(*) as runs, count(*) filter (where is_no_op) as no_ops
    from waste_turns
    group by all
),
around as (
    -- A week each way: what was mended since is not held against it.
    select d.workload, d.billing_currency, d.day, sum(o.runs) as runs, sum(o.no_ops) as no_ops
    from days d
    join days o on o.workload = d.workload and o.billing_currency = d.billing_currency and o.day between d.day - 7 and d.day + 7
    where d.no_ops > 0
    group by all
),
judged as (
    select t.* replace (t.is_no_op and coalesce(a.no_ops >= l.limit_min_share * a.runs and a.no_ops >= 3, false) as is_no_op)
    from waste_turns t
    join waste_subjects s on s.subject_kind = 'workload' and s.subject = t.workload
    join limits l on l.profile = s.profile
    left join around a
        on a.workload = t.workload and a.billing_currency = t.billing_currency and a.day = cast(t.started_at as date)
),
counted as (
    select
        workload, billing_currency, count(*) as runs,
        count(*) filter (where is_no_op) as no_ops,
        any_value(inputs) as inputs,
        list(run_id order by started_at desc) filter (where is_no_op) as run_ids
    from judged
    group by workload, billing_currency
),
wasteful as (
    select c.*, s.team
    from counted c
    join waste_subjects s on s.subject_kind = 'workload' and s.subject = c.workload
    join limits l on l.profile = s.profile
    where l.limit_enabled > 0 and c.no_ops >= l.limit_min_runs
),
orchestrators as (
    -- What starts it, as its own log is read.
    select workflow_id, min(engine) as engine
    from landed_runs
    where engine in ('maestro', 'airflow') and workflow_id is not null
    group by workflow_id
    having count(distinct engine) = 1
),
daily as (
    select n.workload, n.billing_currency, n.run_nr, d.usage_date, sum(d.effective_cost) as amount
    from wasteful w
    join judged n on n.workload = w.workload and n.billing_currency = w.billing_currency and n.is_no_op
    join run_days d on d.engine = n.engine and d.run_id = n.run_id and d.billing_currency = n.billing_currency
    join waste_days b on d.usage_date between b.first_day and b.last_day
    group by all
)
select
    'no-op-schedule' as detector, 'workload' as subject_kind, w.workload as subject, w.team, w.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'high' as confidence,
    json_object(
        'runs', w.runs, 'without_change', w.no_ops, 'share', round(w.no_ops / w.runs, 4),
        'inputs', w.inputs,
        'latest', w.run_ids[:10]
    ) as evidence,
    ['every table it reads is written by a run that is known', 'rewrites are no change', 'the clock starts it'] as guards,
    case when o.engine is distinct from 'airflow' then
            '# Maestro: in place of time_triggers of workflow ' || comment_text(split_part(w.workload, '/', 1)) || chr(10)
                || 'signal_triggers: [{definitions: {' || list_aggregate(list_transform(w.inputs, lambda i: json_text(i)), 'string_agg', ': {}, ') || ': {}}}]'
        else '' end
        || case when o.engine is null then chr(10) else '' end
        || case when o.engine is distinct from 'maestro' then
            '# Airflow: in place of the cron expression of DAG ' || comment_text(split_part(w.workload, '/', 1)) || '; what writes a table names it among its outlets'
                || chr(10) || 'schedule=[Asset(' || list_aggregate(list_transform(w.inputs, lambda i: json_text(i)), 'string_agg', '), Asset(') || ')]'
        else '' end as action,
    list(struct_pack(pot_kind := 'workload', pot := w.workload, run_nr := c.run_nr, table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(c.amount as decimal(38, 12))) order by c.usage_date, c.run_nr) as claims
from wasteful w
join daily c on c.workload = w.workload and c.billing_currency = w.billing_currency
left join orchestrators o on o.workflow_id = split_part(w.workload, '/', 1)
group by all
