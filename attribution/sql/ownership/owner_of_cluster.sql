-- One row per cluster and day with a charge, where it has an owner: a rule that names the
-- cluster, else a rule on its tags (its own, then those of its charges).
-- Key: cluster_id, usage_date
with days as (
    select distinct cluster_id, usage_date
    from charge_groups
    where cluster_id is not null
),
known as (
    select cluster_id, 'cluster' as kind, '' as tag_key, cluster_id as value, 1 as kind_rank from days
    union
    select cluster_id, 'cluster', '', cluster_name, 1 from stg_nodes where cluster_name is not null
    union
    select n.cluster_id, 'tag', t.key, t.value, 2
    from stg_nodes n
    join stg_tags t on t.tag_set_id = n.tag_set_id
    union
    select g.cluster_id, 'tag', t.key, t.value, 3
    from (select distinct cluster_id, tag_set_id from charge_groups where cluster_id is not null) g
    join stg_tags t on t.tag_set_id = g.tag_set_id
),
matches as (
    select d.cluster_id, d.usage_date, m.team, m.rule_id, m.kind, m.position, k.kind_rank
    from days d
    join known k on k.cluster_id = d.cluster_id
    join owner_matches m
        on m.kind = k.kind and m.tag_key = k.tag_key and m.value = k.value
        and d.usage_date >= m.valid_from and d.usage_date < m.valid_to
),
ranked as (
    select
        m.*,
        row_number() over (
            partition by m.cluster_id, m.usage_date order by m.kind_rank, m.position, m.team
        ) as nth
    from matches m
)
select cluster_id, usage_date, team, rule_id, kind as owner_kind, position
from ranked
where nth = 1
