-- One row per part of an idle cost in the view `idle = proportional`: each cluster's idle
-- cost of a day and currency, split over the teams, workloads and engines that used the
-- cluster that day by their effective usage cost. What nobody used stays with its owner.
with idle as (
    select
        usage_date, billing_currency, service_name, account_id, region_id, pool, method, team as owner_team,
        cluster_id, tag_set_id,
        sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost,
        sum(list_cost) as list_cost, sum(contracted_cost) as contracted_cost
    from daily_costs
    where category = 'idle'
    group by all
),
numbered as (
    select
        row_number() over (
            order by
                usage_date, billing_currency, cluster_id, service_name, account_id, region_id, pool, method,
                owner_team, tag_set_id
        ) as source_nr,
        *
    from idle
),
used as (
    select
        usage_date, billing_currency, cluster_id, team, workload, engine,
        greatest(sum(effective_cost), 0) as cost
    from daily_costs
    where category = 'usage' and cluster_id is not null
    group by usage_date, billing_currency, cluster_id, team, workload, engine
),
weighed as (
    -- Parts of 10^12 of what was used; the same for every basis.
    select
        usage_date, billing_currency, cluster_id, team, workload, engine,
        cast(floor(1e12 * (
            cast(cost as double)
            / cast(sum(cost) over (partition by usage_date, billing_currency, cluster_id) as double)
        )) as bigint) as weight
    from used
    where cost > 0
),
parts as (
    select
        n.*, w.workload, w.engine,
        case when w.weight is null then n.owner_team else w.team end as team,
        case when w.weight is null then n.method else 'idle-proportional' end as part_method,
        coalesce(w.weight, 1) as weight
    from numbered n
    left join weighed w
        on w.usage_date = n.usage_date
        and w.billing_currency = n.billing_currency
        and w.cluster_id = n.cluster_id
        and w.weight > 0
),
shares as (
    select
        p.*,
        cast(sum(weight) over (partition by source_nr) as bigint) as weight_total,
        row_number() over (
            partition by source_nr
            order by weight desc, coalesce(team, ''), coalesce(workload, ''), coalesce(engine, '')
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
    source_nr, usage_date, billing_currency, service_name, account_id, region_id, pool, 'idle' as category,
    part_method as method, team, workload, engine, cast(null as varchar) as run_id, cast(null as varchar) as table_id,
    cluster_id, tag_set_id, weight, weight_total,
    whole_part(billed_cost, billed_part, sum(billed_part) over (partition by source_nr), nth) as billed_cost,
    whole_part(effective_cost, effective_part, sum(effective_part) over (partition by source_nr), nth) as effective_cost,
    whole_part(list_cost, list_part, sum(list_part) over (partition by source_nr), nth) as list_cost,
    whole_part(contracted_cost, contracted_part, sum(contracted_part) over (partition by source_nr), nth) as contracted_cost
from cut
