-- One row per cluster and rule that would own it while the rule holds: one that names the
-- cluster, else one on its tags (its own, then those of its charges).
-- Key: cluster_id, kind_rank, position, rule_id
with clusters as (
    select cluster_id from charge_clusters
    union
    select cluster_id from observed_clusters
),
known as (
    select cluster_id, 'cluster' as kind, '' as tag_key, cluster_id as value, 1 as kind_rank from clusters
    union
    select cluster_id, 'cluster', '', cluster_name, 1 from stg_nodes where cluster_name is not null
    union
    select n.cluster_id, 'tag', t.key, t.value, 2
    from (select distinct cluster_id, tag_set_id from stg_nodes) n
    join stg_tags t on t.tag_set_id = n.tag_set_id
    union
    select g.cluster_id, 'tag', t.key, t.value, 3
    from (select distinct cluster_id, tag_set_id from charge_clusters) g
    join stg_tags t on t.tag_set_id = g.tag_set_id
)
select distinct
    k.cluster_id, k.kind_rank, m.position, m.rule_id, m.team, m.kind as owner_kind, m.valid_from, m.valid_to
from known k
join owner_matches m on m.kind = k.kind and m.tag_key = k.tag_key and m.value = k.value
