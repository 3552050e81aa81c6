-- One row per cluster: its nodes, its life, and the worker capacity paid and used.
-- Key: cluster_id
with lives as (
    select
        cluster_id,
        sum(case when is_worker = 1 then vcore_ms else 0 end) as vcore_ms_paid
    from node_lives
    group by cluster_id
),
used as (
    select s.cluster_id, sum(floor(cast(s.weight as double) * l.vcore_ms / 1e12)) as vcore_ms_used
    from node_shares s
    join node_lives l on l.cluster_id = s.cluster_id and l.node_id = s.node_id and l.hour = s.hour
    where s.run_nr is not null
    group by s.cluster_id
),
owners as (
    select
        cluster_id, team,
        row_number() over (partition by cluster_id order by usage_date desc) as nth
    from owner_of_cluster
)
select
    n.cluster_id,
    max(n.cluster_name) as cluster_name,
    max(o.team) as team,
    count(*) as nodes,
    min(n.started_at) as started_at,
    case when count(n.ended_at) = count(*) then max(n.ended_at) end as ended_at,
    cast(coalesce(max(l.vcore_ms_paid), 0) as bigint) as vcore_ms_paid,
    cast(coalesce(max(u.vcore_ms_used), 0) as bigint) as vcore_ms_used
from stg_nodes n
left join lives l on l.cluster_id = n.cluster_id
left join used u on u.cluster_id = n.cluster_id
left join owners o on o.cluster_id = n.cluster_id and o.nth = 1
group by n.cluster_id
