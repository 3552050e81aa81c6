-- Any row is a day, currency, team and category in which the roll-up that pages sum from differs from the atoms.
with atoms_by_team as (
    select
        a.usage_date, g.billing_currency, coalesce(a.team, '') as team, a.category,
        sum(a.billed_cost) as billed, sum(a.effective_cost) as effective,
        sum(a.list_cost) as list, sum(a.contracted_cost) as contracted
    from owned_atoms a
    join charge_groups g on g.group_nr = a.group_nr
    group by a.usage_date, g.billing_currency, coalesce(a.team, ''), a.category
),
daily as (
    select
        usage_date, billing_currency, coalesce(team, '') as team, category,
        sum(billed_cost) as billed, sum(effective_cost) as effective,
        sum(list_cost) as list, sum(contracted_cost) as contracted
    from daily_costs
    group by usage_date, billing_currency, coalesce(team, ''), category
)
select
    coalesce(a.usage_date, d.usage_date) as usage_date,
    coalesce(a.billing_currency, d.billing_currency) as billing_currency,
    coalesce(a.team, d.team) as team,
    coalesce(a.category, d.category) as category,
    a.billed,
    d.billed as daily_billed
from atoms_by_team a
full outer join daily d
    on d.usage_date = a.usage_date
    and d.billing_currency = a.billing_currency
    and d.team = a.team
    and d.category = a.category
where a.billed is distinct from d.billed
    or a.effective is distinct from d.effective
    or a.list is distinct from d.list
    or a.contracted is distinct from d.contracted
