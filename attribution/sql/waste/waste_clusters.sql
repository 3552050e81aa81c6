-- One row per cluster: its name and team, whether it was made for one job, what tags say of
-- it, and which part of its machines' cost commitments have paid for already.
-- Key: cluster_id
with days as (
    select first_day, last_day from waste_days
),
lives as (
    select
        cluster_id,
        min(coalesce(cluster_name, cluster_id)) as cluster,
        max(tag_set_id) as tag_set_id,
        min(started_at) as started_at,
        case when count(ended_at) = count(*) then max(ended_at) end as ended_at,
        max(case when role <> 'master' and market = 'spot' then 1 else 0 end) as has_spot,
        max(case when role <> 'master' and market <> 'spot' then 1 else 0 end) as has_on_demand
    from stg_nodes
    group by cluster_id
),
tags as (
    select tag_set_id, list(key || '=' || value order by key, value) as tags
    from stg_tags
    group by tag_set_id
),
costs as (
    select
        g.cluster_id,
        sum(g.effective_cost) as effective_cost,
        coalesce(sum(g.effective_cost) filter (
            where g.line_item_type in ('SavingsPlanCoveredUsage', 'DiscountedUsage')
        ), 0) as committed_cost
    from charge_groups g
    join days d on g.usage_date between d.first_day and d.last_day
    where g.cluster_id is not null
    group by g.cluster_id
)
select
    c.cluster_id,
    l.cluster,
    c.team,
    l.started_at,
    l.ended_at,
    -- A cluster for one job lives less than a day.
    coalesce(l.ended_at < l.started_at + interval 1 day, false) as is_transient,
    l.has_spot = 1 as has_spot,
    l.has_on_demand = 1 as has_on_demand,
    coalesce(t.tags, []) as tags,
    coalesce(cast(k.committed_cost as double) / nullif(cast(k.effective_cost as double), 0), 0) as committed_share
from cluster_capacity c
join lives l on l.cluster_id = c.cluster_id
left join tags t on t.tag_set_id = l.tag_set_id
left join costs k on k.cluster_id = c.cluster_id
