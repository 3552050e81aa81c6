-- One row per node and hour it was alive in: what of the hour, the capacity paid for, and
-- whether runs are placed on it. Masters only coordinate, unless there is nothing else.
-- Key: cluster_id, node_id, hour
with horizon as (
    -- A node without an end lives as long as anything is known of: the last hour a run held
    -- or a bill meters. A month's fee reaches to the month's end, which may not have come.
    select coalesce(max(m.last_at), max(b.last_at)) as last_at
    from (select max(bucket_start) + interval 1 hour as last_at from buckets where bucket_hours = 1) b
    cross join (
        select max(last_at) as last_at
        from (
            select max(charge_period_end) as last_at
            from stg_charges
            where charge_category = 'Usage' and charge_period_end <= charge_period_start + interval 1 day
            union all
            select max(hour) + interval 1 hour from stg_run_hours
        ) metered
    ) m
),
lone_masters as (
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
