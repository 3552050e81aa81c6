-- One row per value that a charge or a consumer of usage rows is known by (kind, value) and
-- ownership rule that matches it; tags are in owner_matches.
-- Key: kind, value, position
with known as (
    select 'resource' as kind, coalesce(resource_id, '') as value from charge_groups where pool_kind in ('direct', 'storage')
    union
    select 'account', coalesce(account_id, '') from charge_groups where pool_kind in ('direct', 'storage')
    union
    select 'workflow', consumer from usage_shares where consumer_kind = 'workload'
    union
    select 'workflow', split_part(consumer, '/', 1) from usage_shares where consumer_kind = 'workload'
    union
    select 'table', lower(consumer) from usage_shares where consumer_kind = 'table'
    union
    select 'user', consumer from usage_shares where consumer_kind = 'user'
)
select
    k.kind, k.value,
    o.position, o.rule_id, o.team, o.valid_from, o.valid_to
from known k
join stg_owner_rules o
    on o.kind = k.kind
    and (k.value like o.like_pattern escape '!' or regexp_like(k.value, o.regex))
