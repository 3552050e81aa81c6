-- One row per way to spread (`even`, `proportional`, `fixed`) and part of a shared cost: each
-- day's taxes, support, credits and unused commitments, split over teams. What has nobody to go
-- to stays shared, without a team.
with shared as (
    select
        usage_date, billing_currency, service_name, account_id, region_id, pool, method, cluster_id, tag_set_id,
        sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost,
        sum(list_cost) as list_cost, sum(contracted_cost) as contracted_cost
    from daily_costs
    where category = 'shared'
    group by all
),
numbered as (
    select
        row_number() over (
            order by
                usage_date, billing_currency, service_name, account_id, region_id, pool, method, cluster_id,
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
ways as (
    select unnest(['even', 'proportional', 'fixed']) as spread
),
parts as (
    select
        n.*, y.spread, w.team,
        case when w.team is null then n.method else 'shared-' || y.spread end as part_method,
        coalesce(w.weight, 1) as weight
    from numbered n
    cross join ways y
    left join weights w
        on w.usage_date = n.usage_date
        and w.billing_currency = n.billing_currency
        and w.spread = y.spread
        and w.weight > 0
),
shares as (
    select
        p.*,
        cast(sum(weight) over (partition by spread, source_nr) as bigint) as weight_total,
        row_number() over (
            partition by spread, source_nr order by weight desc, coalesce(team, '')
        ) as nth
    from parts p
),
cut as (
    select
        s.*,
        part_of(billed_cost, weight, weight_total) as billed_part,
        part_of(effective_cost, weight, weight_total) as effective_part,
        part_of(list_cost, weight, weight_total) as list_part,
        part_of(contracted_cost, weight, weight_total) as contracted_part
    from shares s
)
select
    spread, source_nr, usage_date, billing_currency, service_name, account_id, region_id, pool,
    'shared' as category, part_method as method, team, cast(null as varchar) as workload,
    cast(null as varchar) as engine, cast(null as varchar) as run_id, cast(null as varchar) as table_id,
    cluster_id, tag_set_id, weight, weight_total,
    whole_part(billed_cost, billed_part, sum(billed_part) over (partition by spread, source_nr), nth) as billed_cost,
    whole_part(effective_cost, effective_part, sum(effective_part) over (partition by spread, source_nr), nth) as effective_cost,
    whole_part(list_cost, list_part, sum(list_part) over (partition by spread, source_nr), nth) as list_cost,
    whole_part(contracted_cost, contracted_part, sum(contracted_part) over (partition by spread, source_nr), nth) as contracted_cost
from cut
