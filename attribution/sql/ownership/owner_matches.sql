-- One row per value that a cost is known by (kind, tag key, value) and ownership rule that
-- matches it: each value is matched once, however many runs, days or charges have it.
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
    select 'cluster', '', cluster_id from charge_groups
    union
    select 'cluster', '', cluster_name from stg_nodes
    union
    select 'resource', '', coalesce(resource_id, '') from charge_groups where pool_kind in ('direct', 'storage')
    union
    select 'account', '', coalesce(account_id, '') from charge_groups where pool_kind in ('direct', 'storage')
    union
    select 'tag', key, value from stg_tags
    union
    select 'workflow', '', consumer from usage_shares where consumer_kind = 'workload'
    union
    select 'workflow', '', split_part(consumer, '/', 1) from usage_shares where consumer_kind = 'workload'
    union
    select 'table', '', lower(consumer) from usage_shares where consumer_kind = 'table'
    union
    select 'user', '', consumer from usage_shares where consumer_kind = 'user'
)
select
    k.kind, k.tag_key, k.value,
    o.position, o.rule_id, o.team, o.valid_from, o.valid_to
from known k
join stg_owner_rules o
    on o.kind = k.kind and coalesce(o.tag_key, '') = k.tag_key
    and (k.value like o.like_pattern escape '!' or regexp_like(k.value, o.regex))
