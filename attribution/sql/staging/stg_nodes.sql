-- One row per cluster and node: its paid life and its capacity (null where unknown).
-- Key: cluster_id, node_id
with ranked as (
    -- A node is described again each time its cluster is collected: an ended life is the
    -- last word, else the newest object is.
    select
        n.*,
        row_number() over (
            partition by n.cluster_id, n.node_id
            order by case when n.ended_at is null then 1 else 0 end, n.ended_at desc, n.source_object desc, n.source
        ) as nth
    from landed_nodes n
),
billed_capacity as (
    -- What the bill says an instance has beats any table of instance types.
    select resource_id, max(x_vcpus) as vcpus, max(x_memory_mib) as memory_mib
    from landed_charges
    where resource_id is not null and x_vcpus > 0
    group by resource_id
)
select
    r.cluster_id,
    r.node_id,
    r.cluster_name,
    r.cluster_status,
    r.cluster_started_at,
    r.cluster_ended_at,
    r.tag_set_id,
    r.resource_id,
    lower(r.private_dns) as private_dns,
    r.private_ip,
    r.role,
    r.instance_type,
    coalesce(b.vcpus, r.vcpus) as vcpus,
    coalesce(b.memory_mib, r.memory_mib) as memory_mib,
    r.market,
    r.started_at,
    r.ended_at
from ranked r
left join billed_capacity b on b.resource_id = r.resource_id
where r.nth = 1
