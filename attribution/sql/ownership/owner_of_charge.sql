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
    where pool_kind in ('direct', 'storage') or group_nr in (select group_nr from usage_shares)
),
matches as (
    select s.*, m.team, m.rule_id, m.kind, m.position, 1 as kind_rank
    from subjects s
    join stg_tags t on t.tag_set_id = s.tag_set_id
    join owner_matches m
        on m.kind = 'tag' and m.tag_key = t.key and m.value = t.value
        and s.usage_date >= m.valid_from and s.usage_date < m.valid_to
    union all
    select s.*, m.team, m.rule_id, m.kind, m.position, 2
    from subjects s
    join charge_matches m
        on m.kind = 'resource' and m.value = s.resource_id
        and s.usage_date >= m.valid_from and s.usage_date < m.valid_to
    union all
    select s.*, m.team, m.rule_id, m.kind, m.position, 3
    from subjects s
    join charge_matches m
        on m.kind = 'account' and m.value = s.account_id
        and s.usage_date >= m.valid_from and s.usage_date < m.valid_to
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
