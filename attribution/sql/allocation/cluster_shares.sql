-- One row per cluster, hour and run, and one without a run for idle: integer weights by
-- which master nodes, disks, network and platform fees follow the cluster's own split.
-- With known capacity: the node weights, each counted by its node's paid core-milliseconds.
-- Without: the time at least one run was active, by cores held; the rest of the hour is idle.
-- Key: cluster_id, hour, run_nr?
with by_node as (
    select
        s.cluster_id, s.hour, s.run_nr,
        cast(sum(round(cast(s.weight as double) * l.vcore_ms / 1e12)) as bigint) as weight
    from node_shares s
    join node_lives l on l.cluster_id = s.cluster_id and l.node_id = s.node_id and l.hour = s.hour
    group by s.cluster_id, s.hour, s.run_nr
),
measured as (
    select distinct cluster_id, hour from node_shares
),
held as (
    select
        h.cluster_id, h.hour, h.run_nr,
        cast(sum(h.vcore_ms) as bigint) as vcore_ms,
        sum(cast(sum(h.vcore_ms) as bigint)) over (partition by h.cluster_id, h.hour) as all_vcore_ms
    from run_hosts h
    left join measured m on m.cluster_id = h.cluster_id and m.hour = h.hour
    where h.cluster_id is not null and m.cluster_id is null
    group by h.cluster_id, h.hour, h.run_nr
),
by_activity as (
    select
        h.cluster_id, h.hour, h.run_nr, a.active_ms,
        cast(floor(cast(a.active_ms as double) * (cast(h.vcore_ms as double) / h.all_vcore_ms)) as bigint) as weight
    from held h
    join cluster_active a on a.cluster_id = h.cluster_id and a.hour = h.hour
    where h.all_vcore_ms > 0
)
select cluster_id, hour, run_nr, weight, 'cluster-share' as method
from by_node
where weight > 0
union all
select cluster_id, hour, run_nr, weight, 'cluster-active-share'
from by_activity
where weight > 0
union all
select
    cluster_id, hour, cast(null as bigint),
    cast(3600000 - sum(weight) as bigint), 'cluster-active-share'
from by_activity
group by cluster_id, hour
having sum(weight) < 3600000
