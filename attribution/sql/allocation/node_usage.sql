-- One row per run, hour, cluster and node: what the run held of the node. Usage on a host
-- that is no known worker, or one of unknown capacity, is spread over the workers of its
-- cluster by their capacity.
-- Key: run_nr, hour, cluster_id, node_id
with workers as (
    select
        l.*,
        sum(l.vcore_ms) over (partition by l.cluster_id, l.hour) as cluster_vcore_ms
    from node_lives l
    where l.is_worker = 1 and l.vcore_ms > 0
),
placed as (
    select
        r.*,
        case when w.node_id is null then 0 else 1 end as is_linked
    from run_hosts r
    left join workers w on w.cluster_id = r.cluster_id and w.node_id = r.node_id and w.hour = r.hour
),
spread as (
    select
        p.run_nr, p.hour, w.cluster_id, w.node_id,
        cast(floor(cast(p.vcore_ms as double) * w.vcore_ms / w.cluster_vcore_ms) as bigint) as vcore_ms,
        cast(floor(cast(p.memory_mib_ms as double) * w.vcore_ms / w.cluster_vcore_ms) as bigint) as memory_mib_ms,
        p.active_ms
    from placed p
    join workers w on w.cluster_id = p.cluster_id and w.hour = p.hour
    where p.is_linked = 0
)
select
    run_nr, hour, cluster_id, node_id,
    cast(sum(vcore_ms) as bigint) as vcore_ms,
    cast(sum(memory_mib_ms) as bigint) as memory_mib_ms,
    max(active_ms) as active_ms,
    max(is_linked) as is_linked
from (
    select run_nr, hour, cluster_id, node_id, vcore_ms, memory_mib_ms, active_ms, 1 as is_linked
    from placed
    where is_linked = 1
    union all
    select run_nr, hour, cluster_id, node_id, vcore_ms, memory_mib_ms, active_ms, 0 from spread
) all_usage
group by run_nr, hour, cluster_id, node_id
