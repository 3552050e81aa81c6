-- One row per UTC day, currency, team, ownership rule and kind of fact it claimed by: what it
-- claimed, and how sure that is. What is shared by all has no owner and is left out.
-- Key: usage_date, billing_currency, team?, owner_rule?, claimed_by?
select
    a.usage_date,
    g.billing_currency,
    a.team,
    a.owner_rule,
    a.claimed_by,
    case
        when a.claimed_by in ('owner', 'tag', 'workflow', 'user', 'table', 'resource', 'usage') then 'high'
        when a.claimed_by in ('cluster', 'bucket', 'account') then 'medium'
        when a.claimed_by = 'default' then 'low'
        else 'none'
    end as confidence,
    sum(a.billed_cost) as billed_cost,
    sum(a.effective_cost) as effective_cost,
    sum(a.list_cost) as list_cost,
    sum(a.contracted_cost) as contracted_cost
from owned_atoms a
join charge_groups g on g.group_nr = a.group_nr
where a.category <> 'shared'
group by a.usage_date, g.billing_currency, a.team, a.owner_rule, a.claimed_by
