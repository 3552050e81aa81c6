-- One row per charge group whose cost, split or owners differ between the marts: whether both have it, and what it costs in each.
-- Key: charge_group_id
select
    coalesce(l.charge_group_id, e.charge_group_id) as charge_group_id,
    coalesce(l.usage_date, e.usage_date) as usage_date,
    case when e.charge_group_id is null then 'new' when l.charge_group_id is null then 'gone' else 'both' end
        as presence,
    e.cost as earlier_cost,
    l.cost as later_cost,
    case when e.split_mark = l.split_mark and e.parts = l.parts then 1 else 0 end as is_same_split
from earlier_groups e
full outer join later_groups l on l.charge_group_id = e.charge_group_id
where e.part_mark is distinct from l.part_mark or e.parts is distinct from l.parts or e.cost is distinct from l.cost
