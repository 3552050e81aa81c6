-- One row per atom: charge group x run x table, with its part of each cost. The parts of
-- a group sum to it exactly, on every basis, and none has another sign than its group.
with weighted as (
    select
        h.*,
        sum(h.weight) over (partition by h.charge_group_id) as weight_total,
        row_number() over (
            partition by h.charge_group_id
            order by h.weight desc, coalesce(h.run_id, ''), coalesce(h.table_id, ''), coalesce(h.engine, '')
        ) as nth_largest,
        count(*) over (partition by h.charge_group_id) as parts
    from shares h
),
shares_of_groups as (
    select
        w.charge_group_id, w.engine, w.run_id, w.table_id, w.part, w.method, w.weight, w.weight_total,
        w.nth_largest, w.parts,
        cast(w.weight as double) / cast(w.weight_total as double) as share,
        g.billed_cost, g.effective_cost, g.list_cost, g.contracted_cost
    from weighted w
    join charge_groups g on g.charge_group_id = w.charge_group_id
),
cut as (
    -- The share is computed once and used for all four; each part is cut off at 12 digits
    -- towards zero.
    select
        s.*,
        cast(sign(cast(s.billed_cost as double)) * floor(abs(cast(s.billed_cost as double)) * s.share * 1e12) / 1e12 as decimal(38, 12)) as billed_part,
        cast(sign(cast(s.effective_cost as double)) * floor(abs(cast(s.effective_cost as double)) * s.share * 1e12) / 1e12 as decimal(38, 12)) as effective_part,
        cast(sign(cast(s.list_cost as double)) * floor(abs(cast(s.list_cost as double)) * s.share * 1e12) / 1e12 as decimal(38, 12)) as list_part,
        cast(sign(cast(s.contracted_cost as double)) * floor(abs(cast(s.contracted_cost as double)) * s.share * 1e12) / 1e12 as decimal(38, 12)) as contracted_part
    from shares_of_groups s
    where s.parts > 1
),
rests as (
    select
        c.*,
        c.billed_cost - sum(c.billed_part) over (partition by c.charge_group_id) as billed_rest,
        c.effective_cost - sum(c.effective_part) over (partition by c.charge_group_id) as effective_rest,
        c.list_cost - sum(c.list_part) over (partition by c.charge_group_id) as list_rest,
        c.contracted_cost - sum(c.contracted_part) over (partition by c.charge_group_id) as contracted_rest
    from cut c
)
select
    charge_group_id, engine, run_id, table_id, part, method,
    weight, cast(weight_total as bigint) as weight_total,
    billed_cost, effective_cost, list_cost, contracted_cost
from shares_of_groups
where parts = 1
union all
-- What the cuts left goes to the largest part.
select
    charge_group_id, engine, run_id, table_id, part, method,
    weight, cast(weight_total as bigint),
    cast(billed_part + case when nth_largest = 1 then billed_rest else 0 end as decimal(38, 18)),
    cast(effective_part + case when nth_largest = 1 then effective_rest else 0 end as decimal(38, 18)),
    cast(list_part + case when nth_largest = 1 then list_rest else 0 end as decimal(38, 18)),
    cast(contracted_part + case when nth_largest = 1 then contracted_rest else 0 end as decimal(38, 18))
from rests
