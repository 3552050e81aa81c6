-- One row per cluster, hour and run, and one without a run for idle: integer weights by
-- which master nodes, disks, network and platform fees follow the cluster's own split.
-- With known capacity: the node weights, each counted by its node's paid core-milliseconds.
-- Without: the time at least one run was active, by cores held; the rest of the time its
-- nodes lived (the hour, where none is known) is idle.
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
lived as (
    select cluster_id, hour, max(alive_ms) as alive_ms
    from node_lives
    group by cluster_id, hour
),
by_activity as (
    select
        h.cluster_id, h.hour, h.run_nr, a.active_ms,
        greatest(coalesce(l.alive_ms, 3600000), a.active_ms) as paid_ms,
        cast(floor(cast(a.active_ms as double) * (cast(h.vcore_ms as double) / h.all_vcore_ms)) as bigint) as weight,
        row_number() over (
            partition by h.cluster_id, h.hour order by h.vcore_ms desc, r.engine, r.run_id
        ) as nth_largest
    from held h
    join cluster_active a on a.cluster_id = h.cluster_id and a.hour = h.hour
    join stg_runs r on r.run_nr = h.run_nr
    left join lived l on l.cluster_id = h.cluster_id and l.hour = h.hour
    where h.all_vcore_ms > 0
),
active_runs as (
    -- What cutting off left is the largest run's, not idle.
    select
        b.cluster_id, b.hour, b.run_nr,
        b.weight + case
            when b.nth_largest = 1
                then b.active_ms - cast(sum(b.weight) over (partition by b.cluster_id, b.hour) as bigint)
            else 0
        end as weight
    from by_activity b
)
select cluster_id, hour, run_nr, weight, 'cluster-share' as method
from by_node
where weight > 0
union all
select cluster_id, hour, run_nr, weight, 'cluster-active-share'
from active_runs
where weight > 0
union all
select
    cluster_id, hour, cast(null as bigint),
    cast(max(paid_ms) - max(active_ms) as bigint), 'cluster-active-share'
from by_activity
group by cluster_id, hour
having max(paid_ms) > max(active_ms)
