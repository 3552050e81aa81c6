-- One row per run, UTC day, currency and team in which the run had a cost: that cost, and what the run
-- held that day. What it wrote, and that it is one run, stand on its first day alone (in each currency), so that sums hold.
-- Key: usage_date, engine, run_id, billing_currency, team?
with costs as (
    select
        run_nr, usage_date, billing_currency, team,
        sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost,
        sum(list_cost) as list_cost, sum(contracted_cost) as contracted_cost
    from daily_costs
    where run_nr is not null
    group by run_nr, usage_date, billing_currency, team
),
held as (
    select run_nr, cast(hour as date) as usage_date, cast(sum(vcore_ms) as bigint) as vcore_ms
    from stg_run_hours
    group by run_nr, cast(hour as date)
),
written as (
    select
        engine, run_id,
        cast(sum(bytes) as bigint) as bytes,
        cast(sum(row_count) as bigint) as row_count
    from stg_run_tables
    where access = 'write'
    group by engine, run_id
),
numbered as (
    select
        c.*,
        row_number() over (
            partition by c.run_nr, c.billing_currency order by c.usage_date, c.team
        ) as nth
    from costs c
)
select
    r.engine, r.run_id, n.usage_date, n.billing_currency, n.team, r.workload,
    r.trigger, r.status,
    -- A step is tried again, or within one try its application is: `application/2`.
    greatest(
        coalesce(r.attempt, 1),
        coalesce(case when r.engine = 'spark' then try_cast(split_part(r.run_id, '/', 2) as bigint) end, 1)
    ) as attempt,
    case when n.nth = 1 then 1 else 0 end as is_first,
    coalesce(h.vcore_ms, 0) as vcore_ms,
    case when n.nth = 1 then coalesce(w.bytes, 0) else 0 end as written_bytes,
    case when n.nth = 1 then w.row_count end as written_rows,
    n.billed_cost, n.effective_cost, n.list_cost, n.contracted_cost
from numbered n
join stg_runs r on r.run_nr = n.run_nr
left join held h on h.run_nr = n.run_nr and h.usage_date = n.usage_date
left join written w on w.engine = r.engine and w.run_id = r.run_id
