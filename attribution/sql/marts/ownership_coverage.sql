-- One row per UTC day, currency, team, ownership rule and kind of fact it claimed by: what it
-- claimed, and how sure that is. What is shared by all has no owner and is left out.
-- Key: usage_date, billing_currency, team?, owner_rule?, claimed_by?
select
    usage_date,
    billing_currency,
    team,
    owner_rule,
    claimed_by,
    case
        when claimed_by in ('owner', 'tag', 'workflow', 'user', 'table', 'resource', 'usage') then 'high'
        when claimed_by in ('cluster', 'bucket', 'account') then 'medium'
        when claimed_by = 'default' then 'low'
        else 'none'
    end as confidence,
    sum(billed_cost) as billed_cost,
    sum(effective_cost) as effective_cost,
    sum(list_cost) as list_cost,
    sum(contracted_cost) as contracted_cost
from atoms
where category <> 'shared'
group by usage_date, billing_currency, team, owner_rule, claimed_by
