-- Any row is a source and currency whose pieces do not sum to its landed lines on some basis.
with landed as (
    select
        source, billing_currency,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        sum(coalesce(list_cost, 0)) as list_cost,
        sum(coalesce(contracted_cost, 0)) as contracted_cost
    from landed_charges
    group by source, billing_currency
),
grouped as (
    select
        source, billing_currency,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        sum(list_cost) as list_cost,
        sum(contracted_cost) as contracted_cost
    from charge_groups
    group by source, billing_currency
)
select
    coalesce(l.source, g.source) as source,
    coalesce(l.billing_currency, g.billing_currency) as billing_currency,
    l.billed_cost as landed_billed_cost,
    g.billed_cost as grouped_billed_cost
from landed l
full outer join grouped g on g.source = l.source and g.billing_currency = l.billing_currency
where coalesce(l.billed_cost, 0) <> coalesce(g.billed_cost, 0)
    or coalesce(l.effective_cost, 0) <> coalesce(g.effective_cost, 0)
    or coalesce(l.list_cost, 0) <> coalesce(g.list_cost, 0)
    or coalesce(l.contracted_cost, 0) <> coalesce(g.contracted_cost, 0)
