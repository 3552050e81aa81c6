-- One row per tag set, resource, account and day, where a charge with them has an owner: a
-- rule on its tags, else on its resource, else on its account.
-- Key: tag_set_id, resource_id, account_id, usage_date
with subjects as (
    select distinct
        coalesce(tag_set_id, '') as tag_set_id,
        coalesce(resource_id, '') as resource_id,
        coalesce(account_id, '') as account_id,
        usage_date
    from charge_groups
    where pool_kind in ('direct', 'storage')
),
matches as (
    select s.*, o.team, o.rule_id, o.kind, o.position, 1 as kind_rank
    from subjects s
    join stg_tags t on t.tag_set_id = s.tag_set_id
    join rule_owners o
        on o.kind = 'tag' and t.key = o.tag_key and t.value like o.pattern escape '\'
        and s.usage_date >= o.valid_from and s.usage_date < o.valid_to
    union all
    select s.*, o.team, o.rule_id, o.kind, o.position, 2
    from subjects s
    join rule_owners o
        on o.kind = 'resource' and s.resource_id like o.pattern escape '\'
        and s.usage_date >= o.valid_from and s.usage_date < o.valid_to
    union all
    select s.*, o.team, o.rule_id, o.kind, o.position, 3
    from subjects s
    join rule_owners o
        on o.kind = 'account' and s.account_id like o.pattern escape '\'
        and s.usage_date >= o.valid_from and s.usage_date < o.valid_to
),
ranked as (
    select
        m.*,
        row_number() over (
            partition by m.tag_set_id, m.resource_id, m.account_id, m.usage_date
            order by m.kind_rank, m.position, m.team
        ) as nth
    from matches m
)
select tag_set_id, resource_id, account_id, usage_date, team, rule_id, kind as owner_kind
from ranked
where nth = 1
