-- Any row is a billed line whose pieces do not sum to it on some basis, or a piece without a line.
with pieces as (
    select
        line_id,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        sum(list_cost) as list_cost,
        sum(contracted_cost) as contracted_cost
    from charge_pieces
    group by line_id
)
select
    coalesce(c.line_id, p.line_id) as line_id,
    c.source_file,
    c.source_line,
    c.effective_cost as line_effective_cost,
    p.effective_cost as pieces_effective_cost
from stg_charges c
full outer join pieces p on p.line_id = c.line_id
where c.billed_cost is distinct from p.billed_cost
    or c.effective_cost is distinct from p.effective_cost
    or c.list_cost is distinct from p.list_cost
    or c.contracted_cost is distinct from p.contracted_cost
