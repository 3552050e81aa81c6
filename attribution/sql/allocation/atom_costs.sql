-- One row per atom: charge group x run x table x consumer, with its part of each cost. The parts of
-- a group sum to it exactly, on every basis, and none has another sign than its group.
-- Key: group_nr, run_nr?, table_id?, consumer_kind?, consumer?, part
with totals as (
    select group_nr, cast(sum(weight) as bigint) as weight_total, count(*) as parts, max(weight) as largest_weight
    from shares
    group by group_nr
),
largest as (
    -- The largest part takes what cutting leaves; of equal ones the first by key.
    select
        h.group_nr, h.run_nr, h.table_id, h.consumer_kind, h.consumer,
        row_number() over (
            partition by h.group_nr
            order by
                coalesce(r.run_id, ''), coalesce(h.table_id, ''), coalesce(r.engine, ''), coalesce(h.consumer, '')
        ) as nth
    from shares h
    join totals t on t.group_nr = h.group_nr and t.largest_weight = h.weight and t.parts > 1
    left join stg_runs r on r.run_nr = h.run_nr
),
sized as (
    -- See functions.sql.
    select
        g.group_nr, g.billed_cost, g.effective_cost, g.list_cost, g.contracted_cost,
        cut_units(g.billed_cost) as billed_units,
        cut_unit(g.billed_cost) as billed_unit,
        cut_units(g.effective_cost) as effective_units,
        cut_unit(g.effective_cost) as effective_unit,
        cut_units(g.list_cost) as list_units,
        cut_unit(g.list_cost) as list_unit,
        cut_units(g.contracted_cost) as contracted_units,
        cut_unit(g.contracted_cost) as contracted_unit
    from charge_groups g
    join totals t on t.group_nr = g.group_nr and t.parts > 1
),
shares_of_groups as (
    select
        h.group_nr, h.run_nr, h.table_id, h.consumer_kind, h.consumer, h.part, h.method, h.weight, t.weight_total,
        case when l.group_nr is null then 0 else 1 end as is_largest,
        cast(h.weight as double) / cast(t.weight_total as double) as share,
        g.billed_cost, g.effective_cost, g.list_cost, g.contracted_cost,
        g.billed_units, g.effective_units, g.list_units, g.contracted_units,
        g.billed_unit, g.effective_unit, g.list_unit, g.contracted_unit
    from shares h
    join totals t on t.group_nr = h.group_nr and t.parts > 1
    join sized g on g.group_nr = h.group_nr
    left join largest l
        on l.nth = 1
        and l.group_nr = h.group_nr
        and coalesce(l.run_nr, cast(-1 as bigint)) = coalesce(h.run_nr, cast(-1 as bigint))
        and coalesce(l.table_id, '') = coalesce(h.table_id, '')
        and coalesce(l.consumer, '') = coalesce(h.consumer, '')
),
cut as (
    -- The share is computed once and used for all four; each part is cut off towards zero.
    select
        s.group_nr, s.run_nr, s.table_id, s.consumer_kind, s.consumer, s.part, s.method, s.weight, s.weight_total, s.is_largest,
        s.billed_cost, s.effective_cost, s.list_cost, s.contracted_cost,
        cut_part(s.billed_units, s.billed_unit, s.share) as billed_part,
        cut_part(s.effective_units, s.effective_unit, s.share) as effective_part,
        cut_part(s.list_units, s.list_unit, s.share) as list_part,
        cut_part(s.contracted_units, s.contracted_unit, s.share) as contracted_part
    from shares_of_groups s
),
given as (
    select
        group_nr,
        sum(billed_part) as billed_given,
        sum(effective_part) as effective_given,
        sum(list_part) as list_given,
        sum(contracted_part) as contracted_given
    from cut
    group by group_nr
)
select
    h.group_nr, h.run_nr, h.table_id, h.consumer_kind, h.consumer, h.part, h.method,
    h.weight, t.weight_total,
    g.billed_cost, g.effective_cost, g.list_cost, g.contracted_cost
from shares h
join totals t on t.group_nr = h.group_nr and t.parts = 1
join charge_groups g on g.group_nr = h.group_nr
union all
select
    c.group_nr, c.run_nr, c.table_id, c.consumer_kind, c.consumer, c.part, c.method,
    c.weight, c.weight_total,
    cast(c.billed_part as decimal(38, 18)),
    cast(c.effective_part as decimal(38, 18)),
    cast(c.list_part as decimal(38, 18)),
    cast(c.contracted_part as decimal(38, 18))
from cut c
where c.is_largest = 0
union all
-- What the cuts left goes to the largest part.
select
    c.group_nr, c.run_nr, c.table_id, c.consumer_kind, c.consumer, c.part, c.method,
    c.weight, c.weight_total,
    cast(c.billed_part + (c.billed_cost - v.billed_given) as decimal(38, 18)),
    cast(c.effective_part + (c.effective_cost - v.effective_given) as decimal(38, 18)),
    cast(c.list_part + (c.list_cost - v.list_given) as decimal(38, 18)),
    cast(c.contracted_part + (c.contracted_cost - v.contracted_given) as decimal(38, 18))
from cut c
join given v on v.group_nr = c.group_nr
where c.is_largest = 1
