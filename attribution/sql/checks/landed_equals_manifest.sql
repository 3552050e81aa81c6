-- Any row is a source and currency whose landed lines do not sum to the exact totals the manifest states.
with landed as (
    select
        source, billing_currency,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        sum(coalesce(list_cost, 0)) as list_cost,
        sum(coalesce(contracted_cost, 0)) as contracted_cost
    from landed_charges
    group by source, billing_currency
)
select
    coalesce(m.source, l.source) as source,
    coalesce(m.billing_currency, l.billing_currency) as billing_currency,
    m.billed_cost as manifest_billed_cost,
    l.billed_cost as landed_billed_cost
from manifest_totals m
full outer join landed l on l.source = m.source and l.billing_currency = m.billing_currency
where coalesce(m.billed_cost, 0) <> coalesce(l.billed_cost, 0)
    or coalesce(m.effective_cost, 0) <> coalesce(l.effective_cost, 0)
    or coalesce(m.list_cost, 0) <> coalesce(l.list_cost, 0)
    or coalesce(m.contracted_cost, 0) <> coalesce(l.contracted_cost, 0)
