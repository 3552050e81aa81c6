-- Any row is a day and currency of which ownership coverage leaves out or adds a cost that is not shared.
with owned as (
    select a.usage_date, g.billing_currency, sum(a.billed_cost) as billed_cost, sum(a.effective_cost) as effective_cost
    from owned_atoms a
    join charge_groups g on g.group_nr = a.group_nr
    where a.category <> 'shared'
    group by a.usage_date, g.billing_currency
),
covered as (
    select usage_date, billing_currency, sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost
    from ownership_coverage
    group by usage_date, billing_currency
),
unclaimed as (
    select usage_date, billing_currency, sum(effective_cost) as effective_cost
    from unclaimed_costs
    group by usage_date, billing_currency
),
unsure as (
    select usage_date, billing_currency, sum(effective_cost) as effective_cost
    from ownership_coverage
    where confidence in ('low', 'none')
    group by usage_date, billing_currency
)
select o.usage_date, o.billing_currency, o.effective_cost, c.effective_cost as covered_effective_cost
from owned o
full outer join covered c on c.usage_date = o.usage_date and c.billing_currency = o.billing_currency
left join unclaimed n on n.usage_date = o.usage_date and n.billing_currency = o.billing_currency
left join unsure s on s.usage_date = o.usage_date and s.billing_currency = o.billing_currency
where o.billed_cost is distinct from c.billed_cost
    or o.effective_cost is distinct from c.effective_cost
    or n.effective_cost is distinct from s.effective_cost
