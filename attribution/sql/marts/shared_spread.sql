-- One row per way to spread (`even`, `proportional`, `fixed`) and part of a shared cost: each
-- day's taxes, support, credits and unused commitments, split over teams. What has nobody to go
-- to stays shared, without a team. Columns as in `idle_spread`.
-- Key: spread, source_nr, team?
with shared as (
    select
        usage_date, billing_currency, service_name, account_id, region_id, pool, method, cluster_id, tag_set_id,
        sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost,
        sum(list_cost) as list_cost, sum(contracted_cost) as contracted_cost
    from daily_costs
    where category = 'shared'
    group by all
),
sources as materialized (
    select
        -- Numbered within their day, so that no other day counts.
        date_diff('day', date '1970-01-01', usage_date) * 1000000 + row_number() over (
            partition by usage_date
            order by
                billing_currency, service_name, account_id, region_id, pool, method, cluster_id,
                tag_set_id
        ) as source_nr,
        *
    from shared
),
owned as (
    select usage_date, billing_currency, team, greatest(sum(effective_cost), 0) as cost
    from daily_costs
    where category in ('direct', 'usage', 'storage') and team is not null
    group by usage_date, billing_currency, team
),
days as (
    select distinct usage_date, billing_currency from shared
),
weights as (
    -- Evenly over the teams that are no sum of others.
    select d.usage_date, d.billing_currency, 'even' as spread, t.team, cast(1 as bigint) as weight
    from days d
    cross join teams t
    where not exists (select 1 from teams c where c.parent = t.team)
    union all
    -- By direct, usage and storage cost, effective, in parts of 10^12; the same for every basis.
    select
        usage_date, billing_currency, 'proportional', team,
        cast(floor(1e12 * (
            cast(cost as double)
            / cast(sum(cost) over (partition by usage_date, billing_currency) as double)
        )) as bigint)
    from owned
    where cost > 0
    union all
    -- By the configuration's percentages, in parts of 10^12; the rest stays shared.
    select d.usage_date, d.billing_currency, 'fixed', f.team, f.weight
    from days d
    cross join (
        select team, weight from rule_shared_fixed
        union all
        select cast(null as varchar), 1000000000000 - coalesce(sum(weight), 0) from rule_shared_fixed
    ) f
),
bearers as materialized (
    select
        w.*,
        cast(sum(weight) over (partition by spread, usage_date, billing_currency) as bigint) as weight_total,
        row_number() over (
            partition by spread, usage_date, billing_currency order by weight desc, coalesce(team, '')
        ) as nth
    from weights w
    where weight > 0
),
ways as (
    select unnest(['even', 'proportional', 'fixed']) as spread
),
cut as materialized (
    select
        b.spread, s.source_nr, b.team, b.weight, b.weight_total, b.nth,
        part_of(s.billed_cost, b.weight, b.weight_total) as billed_part,
        part_of(s.effective_cost, b.weight, b.weight_total) as effective_part,
        part_of(s.list_cost, b.weight, b.weight_total) as list_part,
        part_of(s.contracted_cost, b.weight, b.weight_total) as contracted_part
    from sources s
    join bearers b on b.usage_date = s.usage_date and b.billing_currency = s.billing_currency
),
given as (
    select
        spread, source_nr,
        sum(billed_part) as billed, sum(effective_part) as effective,
        sum(list_part) as list, sum(contracted_part) as contracted
    from cut
    group by spread, source_nr
)
select
    y.spread, s.source_nr, s.usage_date, s.billing_currency, s.service_name, s.account_id, s.region_id, s.pool,
    'shared' as category,
    case when c.team is null then s.method else 'shared-' || y.spread end as method,
    c.team, cast(null as varchar) as workload, cast(null as varchar) as engine,
    cast(null as varchar) as run_id, cast(null as varchar) as table_id,
    cast(null as varchar) as consumer_kind, cast(null as varchar) as consumer,
    s.cluster_id, s.tag_set_id,
    s.method as whole_method, cast(null as varchar) as whole_team,
    coalesce(c.weight, 1) as weight,
    coalesce(c.weight_total, 1) as weight_total,
    -- Without a bearer there is one part, which is the whole.
    whole_part(s.billed_cost, coalesce(c.billed_part, 0), coalesce(g.billed, 0), coalesce(c.nth, 1)) as billed_cost,
    whole_part(s.effective_cost, coalesce(c.effective_part, 0), coalesce(g.effective, 0), coalesce(c.nth, 1))
        as effective_cost,
    whole_part(s.list_cost, coalesce(c.list_part, 0), coalesce(g.list, 0), coalesce(c.nth, 1)) as list_cost,
    whole_part(s.contracted_cost, coalesce(c.contracted_part, 0), coalesce(g.contracted, 0), coalesce(c.nth, 1))
        as contracted_cost
from sources s
cross join ways y
left join cut c on c.source_nr = s.source_nr and c.spread = y.spread
left join given g on g.source_nr = s.source_nr and g.spread = y.spread
