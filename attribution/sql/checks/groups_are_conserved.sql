-- Any row is a charge group whose atoms do not sum to it on some basis, or an atom without a group.
with parts as (
    select
        group_nr,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        sum(list_cost) as list_cost,
        sum(contracted_cost) as contracted_cost
    from owned_atoms
    group by group_nr
)
select
    g.charge_group_id,
    coalesce(g.group_nr, p.group_nr) as group_nr,
    g.effective_cost as group_effective_cost,
    p.effective_cost as atoms_effective_cost
from charge_groups g
full outer join parts p on p.group_nr = g.group_nr
where g.group_nr is null
    or p.group_nr is null
    or g.billed_cost is distinct from p.billed_cost
    or g.effective_cost is distinct from p.effective_cost
    or g.list_cost is distinct from p.list_cost
    or g.contracted_cost is distinct from p.contracted_cost
