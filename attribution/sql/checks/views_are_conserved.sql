-- Any row is a view, day, currency, service, pool and cluster in which the spread parts are not the sum of what was spread.
with spread as (
    select
        'idle proportional' as view_name, usage_date, billing_currency, coalesce(service_name, '') as service_name,
        pool, coalesce(cluster_id, '') as cluster_id,
        sum(billed_cost) as billed, sum(effective_cost) as effective,
        sum(list_cost) as list, sum(contracted_cost) as contracted
    from idle_spread
    group by all
    union all
    select
        'shared ' || spread, usage_date, billing_currency, coalesce(service_name, ''),
        pool, coalesce(cluster_id, ''),
        sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
    from shared_spread
    group by all
),
views as (
    select 'idle proportional' as view_name, 'idle' as category
    union all select 'shared even', 'shared'
    union all select 'shared proportional', 'shared'
    union all select 'shared fixed', 'shared'
),
whole as (
    select
        v.view_name, c.usage_date, c.billing_currency, coalesce(c.service_name, '') as service_name,
        c.pool, coalesce(c.cluster_id, '') as cluster_id,
        sum(c.billed_cost) as billed, sum(c.effective_cost) as effective,
        sum(c.list_cost) as list, sum(c.contracted_cost) as contracted
    from daily_costs c
    join views v on v.category = c.category
    group by all
)
select
    coalesce(w.view_name, s.view_name) as view_name,
    coalesce(w.usage_date, s.usage_date) as usage_date,
    coalesce(w.billing_currency, s.billing_currency) as billing_currency,
    coalesce(w.service_name, s.service_name) as service_name,
    w.effective as whole_effective,
    s.effective as spread_effective
from whole w
full outer join spread s
    on s.view_name = w.view_name
    and s.usage_date = w.usage_date
    and s.billing_currency = w.billing_currency
    and s.service_name = w.service_name
    and s.pool = w.pool
    and s.cluster_id = w.cluster_id
where w.billed is distinct from s.billed
    or w.effective is distinct from s.effective
    or w.list is distinct from s.list
    or w.contracted is distinct from s.contracted
