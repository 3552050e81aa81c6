-- Any row is an atom with another sign than its charge group on some basis.
select g.charge_group_id, a.run_nr, a.table_id, a.effective_cost, g.effective_cost as group_effective_cost
from owned_atoms a
join charge_groups g on g.group_nr = a.group_nr
where (g.billed_cost >= 0 and a.billed_cost < 0) or (g.billed_cost <= 0 and a.billed_cost > 0)
    or (g.effective_cost >= 0 and a.effective_cost < 0) or (g.effective_cost <= 0 and a.effective_cost > 0)
    or (g.list_cost >= 0 and a.list_cost < 0) or (g.list_cost <= 0 and a.list_cost > 0)
    or (g.contracted_cost >= 0 and a.contracted_cost < 0) or (g.contracted_cost <= 0 and a.contracted_cost > 0)
