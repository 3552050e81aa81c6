-- One row per Spark workload and currency that reads little and computes little, so that a
-- Trino statement would do it for less than half: what its runs cost less what Trino would.
-- Trino's price of a byte read: what its own statements cost, by bytes read, at their median.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['wrong-engine.enabled'] as limit_enabled,
        number['wrong-engine.max_input_bytes'] as limit_max_input_bytes,
        number['wrong-engine.max_busy_hours'] as limit_max_busy_hours,
        number['wrong-engine.min_runs'] as limit_min_runs,
        number['wrong-engine.min_gap'] as limit_min_gap
    from waste_limits
),
trino as (
    select
        billing_currency, count(*) as statements,
        median(cast(effective_cost as double) / input_bytes) as byte_price,
        quantile_cont(cast(effective_cost as double), 0.25) as least_cost
    from waste_runs
    where engine = 'trino' and status = 'succeeded' and input_bytes > 100000000
    group by billing_currency
    having count(*) >= 100
),
runs as (
    select
        r.engine, r.run_id, r.run_nr, r.workload, r.billing_currency, r.input_bytes, r.task_ms, r.effective_cost,
        s.team, l.limit_max_input_bytes, l.limit_max_busy_hours, l.limit_min_runs, l.limit_min_gap,
        greatest(r.input_bytes * t.byte_price, t.least_cost) as trino_cost
    from waste_runs r
    join trino t on t.billing_currency = r.billing_currency
    join waste_subjects s on s.subject_kind = 'workload' and s.subject = r.workload
    join limits l on l.profile = s.profile
    where r.engine = 'spark' and r.status = 'succeeded' and l.limit_enabled > 0
),
wasteful as (
    select
        workload, billing_currency, max(team) as team, count(*) as runs,
        quantile_cont(input_bytes, 0.95) as p95_bytes, quantile_cont(task_ms, 0.95) / 3600000.0 as p95_busy_hours,
        avg(cast(effective_cost as double)) as run_cost, avg(trino_cost) as trino_cost
    from runs
    group by workload, billing_currency
    having quantile_cont(input_bytes, 0.95) between 1000000 and max(limit_max_input_bytes)
        and quantile_cont(task_ms, 0.95) / 3600000.0 < max(limit_max_busy_hours)
        and count(*) >= max(limit_min_runs)
        and avg(cast(effective_cost as double)) > max(limit_min_gap) * avg(trino_cost)
),
touched as (
    -- What its runs read and write: where a statement would have to.
    select
        r.workload, min(split_part(t.table_id, '.', 1)) as catalog,
        string_agg(distinct t.table_id, ', ' order by t.table_id) filter (where t.access = 'read') as inputs,
        string_agg(distinct t.table_id, ', ' order by t.table_id) filter (where t.access = 'write') as outputs
    from runs r
    join wasteful w on w.workload = r.workload
    join stg_run_tables t on t.engine = r.engine and t.run_id = r.run_id
    group by r.workload
),
daily as (
    select w.workload, w.billing_currency, r.run_nr, d.usage_date,
        sum(cast(round(greatest(cast(d.effective_cost as double) - r.trino_cost * case when d.is_first = 1 then 1 else 0 end, 0), 12) as decimal(38, 12))) as amount
    from wasteful w
    join runs r on r.workload = w.workload and r.billing_currency = w.billing_currency
    join run_days d on d.engine = r.engine and d.run_id = r.run_id and d.billing_currency = r.billing_currency
    join waste_days b on d.usage_date between b.first_day and b.last_day
    group by all
)
select
    'wrong-engine' as detector, 'workload' as subject_kind, w.workload as subject, w.team, w.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'low' as confidence,
    json_object(
        'runs', w.runs, 'p95_input_bytes', w.p95_bytes, 'p95_busy_core_hours', round(w.p95_busy_hours, 2),
        'cost_a_run', round(w.run_cost, 4), 'on_trino_a_run', round(w.trino_cost, 4)
    ) as evidence,
    ['reads and computes little in 19 of 20 runs', 'Trino''s price is that of its own statements', 'a trial, not a promise'] as guards,
    '# no log holds what it computes: write that as one statement after EXPLAIN ANALYZE'
        || coalesce(', of ' || comment_text(x.inputs), '') || coalesce(' into ' || comment_text(x.outputs), '')
        || '; where it gives the same for less, move the step:' || chr(10)
        || 'trino' || coalesce(' --catalog ' || shell_word(x.catalog), '') || ' --file ' || shell_word(replace(w.workload, '/', '.') || '.sql') as action,
    list(struct_pack(pot_kind := 'workload', pot := w.workload, run_nr := c.run_nr, table_id := cast(null as varchar), usage_date := c.usage_date, amount := c.amount) order by c.usage_date, c.run_nr) as claims
from wasteful w
join daily c on c.workload = w.workload and c.billing_currency = w.billing_currency
left join touched x on x.workload = w.workload
group by all
