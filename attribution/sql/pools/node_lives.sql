-- One row per node and hour it was alive in: what of the hour, the capacity paid for, and
-- whether runs are placed on it. Masters only coordinate, unless there is nothing else.
-- Key: cluster_id, node_id, hour
with lone_masters as (
    select cluster_id
    from stg_nodes
    group by cluster_id
    having max(case when role = 'master' then 0 else 1 end) = 0
),
lives as (
    select
        n.cluster_id,
        n.node_id,
        n.resource_id,
        n.role,
        case when n.role = 'master' and m.cluster_id is null then 0 else 1 end as is_worker,
        n.vcpus,
        n.memory_mib,
        n.started_at,
        coalesce(n.ended_at, h.last_at) as ended_at
    from stg_nodes n
    -- A node without an end lives as long as anything is known of.
    cross join horizon h
    left join lone_masters m on m.cluster_id = n.cluster_id
),
alive as (
    select
        l.*,
        b.bucket_start as hour,
        unix_millis(least(l.ended_at, b.bucket_start + interval 1 hour))
            - unix_millis(greatest(l.started_at, b.bucket_start)) as alive_ms
    from lives l
    join buckets b
        on b.bucket_hours = 1
        and b.bucket_start > l.started_at - interval 1 hour
        and b.bucket_start < l.ended_at
    where l.ended_at > l.started_at
)
select
    cluster_id,
    node_id,
    resource_id,
    role,
    is_worker,
    hour,
    alive_ms,
    vcpus * alive_ms as vcore_ms,
    memory_mib * alive_ms as memory_mib_ms
from alive
where alive_ms > 0
