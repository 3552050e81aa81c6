-- One row per cluster charge group and run that has a part in it, and one without a run
-- for idle: integer weights.
-- Key: group_nr, run_nr?
with groups as (
    select g.group_nr, g.cluster_id, g.bucket_start as hour, l.node_id, g.is_node
    from charge_groups g
    left join node_lives l
        on g.is_node = 1
        and g.pool_kind = 'compute'
        and l.cluster_id = g.cluster_id
        and l.resource_id = g.resource_id
        and l.hour = g.bucket_start
        and l.is_worker = 1
        and l.vcore_ms > 0
    where g.pool_kind in ('compute', 'overhead')
),
by_node as (
    -- An instance may be known by two names in its cluster: its weights add up.
    select g.group_nr, s.run_nr, cast(sum(s.weight) as bigint) as weight, 'node-share' as method
    from groups g
    join node_shares s on s.cluster_id = g.cluster_id and s.node_id = g.node_id and s.hour = g.hour
    group by g.group_nr, s.run_nr
),
by_cluster as (
    select g.group_nr, s.run_nr, s.weight, s.method
    from groups g
    join cluster_shares s on s.cluster_id = g.cluster_id and s.hour = g.hour
    where g.node_id is null
),
found as (
    select * from by_node
    union all
    select * from by_cluster
)
select group_nr, run_nr, weight, method
from found
union all
-- Paid, and neither a run nor a capacity is known of that hour: all idle.
select g.group_nr, cast(null as bigint), cast(1 as bigint), 'idle'
from groups g
left join (select distinct group_nr from found) f on f.group_nr = g.group_nr
where f.group_nr is null
