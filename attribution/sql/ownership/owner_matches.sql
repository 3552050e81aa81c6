-- One row per value that a run, a table, a cluster or a tag is known by (kind, tag key, value)
-- and ownership rule that matches it: each value is matched once, however many runs or days
-- have it.
-- Key: kind, tag_key, value, position
with known as (
    select 'owner' as kind, '' as tag_key, owner as value from stg_runs
    union
    select 'owner', '', owner from stg_tables
    union
    select 'workflow', '', coalesce(workflow_id, name) from stg_runs
    union
    select 'user', '', user_name from stg_runs
    union
    select 'table', '', table_id from stg_tables
    union
    select 'cluster', '', cluster_id from charge_clusters
    union
    select 'cluster', '', cluster_id from observed_clusters
    union
    select 'cluster', '', cluster_name from stg_nodes
    union
    select 'tag', key, value from stg_tags
)
select
    k.kind, k.tag_key, k.value,
    o.position, o.rule_id, o.team, o.valid_from, o.valid_to
from known k
join stg_owner_rules o
    on o.kind = k.kind and coalesce(o.tag_key, '') = k.tag_key
    and (k.value like o.like_pattern escape '!' or regexp_like(k.value, o.regex))
