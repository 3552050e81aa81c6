-- Any row is a day and currency on which costs as they were owned do not sum to what they are by today's rules, or a history that does not say who owned as it was.
with as_was as (
    select
        d.usage_date, d.billing_currency,
        sum(d.billed_cost) as billed_cost, sum(d.effective_cost) as effective_cost,
        sum(d.list_cost) as list_cost, sum(d.contracted_cost) as contracted_cost
    from daily_costs d
    left join owner_history h on h.owner_history_id = d.owner_history_id and h.is_as_was = 1
    where d.owner_history_id is null or h.owner_history_id is not null
    group by d.usage_date, d.billing_currency
),
restated as (
    select
        usage_date, billing_currency,
        sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost,
        sum(list_cost) as list_cost, sum(contracted_cost) as contracted_cost
    from daily_costs
    group by usage_date, billing_currency
)
select r.usage_date, r.billing_currency, r.effective_cost, w.effective_cost as as_was_effective_cost
from restated r
left join as_was w on w.usage_date = r.usage_date and w.billing_currency = r.billing_currency
where w.billed_cost is distinct from r.billed_cost
    or w.effective_cost is distinct from r.effective_cost
    or w.list_cost is distinct from r.list_cost
    or w.contracted_cost is distinct from r.contracted_cost
