-- Any row is a day, currency and category whose costs without runs differ from those with them.
with short as (
    select
        usage_date, billing_currency, category,
        sum(billed_cost) as billed, sum(effective_cost) as effective,
        sum(list_cost) as list, sum(contracted_cost) as contracted
    from cost_days
    group by usage_date, billing_currency, category
),
daily as (
    select
        usage_date, billing_currency, category,
        sum(billed_cost) as billed, sum(effective_cost) as effective,
        sum(list_cost) as list, sum(contracted_cost) as contracted
    from daily_costs
    group by usage_date, billing_currency, category
)
select
    coalesce(s.usage_date, d.usage_date) as usage_date,
    coalesce(s.billing_currency, d.billing_currency) as billing_currency,
    coalesce(s.category, d.category) as category,
    s.billed,
    d.billed as daily_billed
from short s
full outer join daily d
    on d.usage_date = s.usage_date
    and d.billing_currency = s.billing_currency
    and d.category = s.category
where s.billed is distinct from d.billed
    or s.effective is distinct from d.effective
    or s.list is distinct from d.list
    or s.contracted is distinct from d.contracted
