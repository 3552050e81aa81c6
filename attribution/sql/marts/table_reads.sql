-- One row per UTC day, table read, currency, and workload and team that read it: what the runs
-- cost that read it and did not write it, each run's day split over what it so read by bytes (1 where unknown).
-- Not additive with table_costs: the same run's cost stands there at the tables it wrote.
-- Key: usage_date, table_id, billing_currency, workload?, team?
with reads as (
    select
        t.engine, t.run_id, t.table_id, coalesce(t.bytes, 0) as bytes,
        greatest(coalesce(t.bytes, 1), 1) as weight
    from stg_run_tables t
    where t.access = 'read'
        -- What rewrites or merges into a table reads it, but not for another's sake.
        and not exists (
            select 1 from stg_run_outputs o
            where o.engine = t.engine and o.run_id = t.run_id and o.table_id = t.table_id
        )
),
shares as (
    select
        r.*,
        cast(sum(weight) over (partition by engine, run_id) as bigint) as weight_total,
        row_number() over (partition by engine, run_id order by weight desc, table_id) as nth
    from reads r
),
days as materialized (
    -- Numbered for the sake of a short key alone.
    select row_number() over () as day_nr, d.*
    from run_days d
),
cut as materialized (
    select
        d.day_nr, s.table_id, s.nth, case when d.is_first = 1 then s.bytes else 0 end as bytes,
        part_of(d.billed_cost, s.weight, s.weight_total) as billed_part,
        part_of(d.effective_cost, s.weight, s.weight_total) as effective_part,
        part_of(d.list_cost, s.weight, s.weight_total) as list_part,
        part_of(d.contracted_cost, s.weight, s.weight_total) as contracted_part
    from days d
    join shares s on s.engine = d.engine and s.run_id = d.run_id
),
given as (
    select
        day_nr,
        sum(billed_part) as billed, sum(effective_part) as effective,
        sum(list_part) as list, sum(contracted_part) as contracted
    from cut
    group by day_nr
)
select
    d.usage_date, c.table_id, d.billing_currency, d.workload, d.team,
    cast(sum(d.is_first) as bigint) as reads,
    cast(sum(c.bytes) as bigint) as read_bytes,
    sum(whole_part(d.billed_cost, c.billed_part, g.billed, c.nth)) as billed_cost,
    sum(whole_part(d.effective_cost, c.effective_part, g.effective, c.nth)) as effective_cost,
    sum(whole_part(d.list_cost, c.list_part, g.list, c.nth)) as list_cost,
    sum(whole_part(d.contracted_cost, c.contracted_part, g.contracted, c.nth)) as contracted_cost
from cut c
join days d on d.day_nr = c.day_nr
join given g on g.day_nr = c.day_nr
group by d.usage_date, c.table_id, d.billing_currency, d.workload, d.team
