-- One row per UTC day, table read, currency, and workload and team that read it: what the runs
-- cost that read it and did not write it, each run's day split over what it so read by bytes (1 where unknown).
-- Not additive with table_costs: the same run's cost stands there at the tables it wrote.
with reads as (
    select engine, run_id, table_id, greatest(coalesce(bytes, 1), 1) as weight, coalesce(bytes, 0) as bytes
    from stg_run_tables t
    where access = 'read'
        -- What rewrites or merges into a table reads it, but not for another's sake.
        and not exists (
            select 1 from stg_run_outputs o
            where o.engine = t.engine and o.run_id = t.run_id and o.table_id = t.table_id
        )
),
shares as (
    select
        d.engine, d.run_id, d.usage_date, d.billing_currency, d.team, d.workload, d.is_first,
        d.billed_cost, d.effective_cost, d.list_cost, d.contracted_cost,
        r.table_id, r.weight, r.bytes,
        sum(r.weight) over run_day as weight_total,
        row_number() over (
            partition by d.engine, d.run_id, d.usage_date, d.billing_currency, d.team
            order by r.weight desc, r.table_id
        ) as nth
    from run_days d
    join reads r on r.engine = d.engine and r.run_id = d.run_id
    window run_day as (partition by d.engine, d.run_id, d.usage_date, d.billing_currency, d.team)
),
cut as (
    select
        s.*,
        part_of(billed_cost, weight, weight_total) as billed_part,
        part_of(effective_cost, weight, weight_total) as effective_part,
        part_of(list_cost, weight, weight_total) as list_part,
        part_of(contracted_cost, weight, weight_total) as contracted_part
    from shares s
),
whole as (
    select
        usage_date, table_id, billing_currency, workload, team, is_first, bytes,
        whole_part(billed_cost, billed_part, sum(billed_part) over run_day, nth) as billed_cost,
        whole_part(effective_cost, effective_part, sum(effective_part) over run_day, nth) as effective_cost,
        whole_part(list_cost, list_part, sum(list_part) over run_day, nth) as list_cost,
        whole_part(contracted_cost, contracted_part, sum(contracted_part) over run_day, nth) as contracted_cost
    from cut
    window run_day as (partition by engine, run_id, usage_date, billing_currency, team)
)
select
    usage_date, table_id, billing_currency, workload, team,
    cast(sum(is_first) as bigint) as reads,
    cast(sum(case when is_first = 1 then bytes else 0 end) as bigint) as read_bytes,
    sum(billed_cost) as billed_cost,
    sum(effective_cost) as effective_cost,
    sum(list_cost) as list_cost,
    sum(contracted_cost) as contracted_cost
from whole
group by usage_date, table_id, billing_currency, workload, team
