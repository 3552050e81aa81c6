-- One row per run, hour, cluster and host as logged: the cluster and the node it is on, as
-- far as they are known.
-- Key: run_nr, hour, cluster_id?, host?
with names as (
    -- The spellings by which engines know a node.
    select cluster_id, node_id, private_dns as host from stg_nodes where private_dns is not null
    union
    select cluster_id, node_id, private_ip from stg_nodes where private_ip is not null
    union
    select cluster_id, node_id, split_part(private_dns, '.', 1) from stg_nodes where private_dns is not null
),
candidates as (
    select h.run_nr, h.hour, h.host, h.cluster_id as logged_cluster_id, n.cluster_id, n.node_id
    from stg_run_hours h
    join names n on n.host = h.host and (h.cluster_id is null or h.cluster_id = n.cluster_id)
    join node_lives l on l.cluster_id = n.cluster_id and l.node_id = n.node_id and l.hour = h.hour
),
linked as (
    -- A private address may be reused in another network: only an unambiguous node counts.
    select
        run_nr, hour, host, logged_cluster_id,
        min(cluster_id) as cluster_id, min(node_id) as node_id
    from candidates
    group by run_nr, hour, host, logged_cluster_id
    having count(*) = 1
),
cluster_of_run as (
    select run_nr, min(cluster_id) as cluster_id
    from linked
    group by run_nr
    having count(distinct cluster_id) = 1
)
select
    h.run_nr,
    h.hour,
    h.host,
    coalesce(h.cluster_id, l.cluster_id, c.cluster_id) as cluster_id,
    l.node_id,
    h.vcore_ms,
    h.memory_mib_ms,
    h.active_ms
from stg_run_hours h
left join linked l
    on l.run_nr = h.run_nr and l.hour = h.hour and l.host = h.host
    and coalesce(l.logged_cluster_id, '') = coalesce(h.cluster_id, '')
left join cluster_of_run c on c.run_nr = h.run_nr
