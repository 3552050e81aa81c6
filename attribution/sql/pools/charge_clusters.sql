-- One row per resource and tag set that belongs to a cluster: which, and whether the
-- resource is one of its nodes.
-- Key: resource_id, tag_set_id
with subjects as (
    select distinct coalesce(resource_id, '') as resource_id, coalesce(tag_set_id, '') as tag_set_id
    from stg_charges
    where resource_id is not null or tag_set_id is not null
),
by_node as (
    -- An instance id lives once; where it was met in two clusters the first by name holds.
    select resource_id, min(cluster_id) as cluster_id
    from stg_nodes
    where resource_id is not null
    group by resource_id
),
by_tag as (
    -- Tags by which platforms mark what they start, in the order of their rules.
    select tag_set_id, cluster_id
    from (
        select
            t.tag_set_id,
            t.value as cluster_id,
            row_number() over (partition by t.tag_set_id order by r.position, t.value) as nth
        from stg_tags t
        join rule_cluster_tags r on r.tag_key = t.key
    ) ranked
    where nth = 1
),
resolved as (
    select
        s.resource_id,
        s.tag_set_id,
        coalesce(
            n.cluster_id,
            t.cluster_id,
            -- arn:aws:elasticmapreduce:<region>:<account>:cluster/j-...
            case when s.resource_id like 'arn:aws%:elasticmapreduce:%:cluster/%'
                then split_part(s.resource_id, ':cluster/', 2) end
        ) as cluster_id,
        case when n.cluster_id is not null then 1 else 0 end as is_node
    from subjects s
    left join by_node n on n.resource_id = s.resource_id
    left join by_tag t on t.tag_set_id = s.tag_set_id
)
select
    r.resource_id,
    r.tag_set_id,
    r.cluster_id,
    r.is_node,
    -- Without nodes and without runs nothing is known of how a cluster was used.
    case when o.cluster_id is not null then 1 else 0 end as is_observed
from resolved r
left join observed_clusters o on o.cluster_id = r.cluster_id
where r.cluster_id is not null
