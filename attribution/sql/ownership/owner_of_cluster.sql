-- One row per cluster and day with a charge, where it has an owner: a rule that names the
-- cluster, else a rule on its tags (its own, then those of its charges).
-- Key: cluster_id, usage_date
with days as (
    select distinct cluster_id, usage_date
    from charge_groups
    where cluster_id is not null
),
tags as (
    select distinct n.cluster_id, t.key, t.value, 2 as kind_rank
    from stg_nodes n
    join stg_tags t on t.tag_set_id = n.tag_set_id
    union all
    select distinct g.cluster_id, t.key, t.value, 3
    from (select distinct cluster_id, tag_set_id from charge_groups where cluster_id is not null) g
    join stg_tags t on t.tag_set_id = g.tag_set_id
),
names as (
    select cluster_id, cluster_id as name from days
    union
    select cluster_id, cluster_name from stg_nodes where cluster_name is not null
),
matches as (
    select d.cluster_id, d.usage_date, o.team, o.rule_id, o.kind, o.position, 1 as kind_rank
    from days d
    join names n on n.cluster_id = d.cluster_id
    join rule_owners o
        on o.kind = 'cluster' and n.name like o.pattern escape '\'
        and d.usage_date >= o.valid_from and d.usage_date < o.valid_to
    union all
    select d.cluster_id, d.usage_date, o.team, o.rule_id, o.kind, o.position, t.kind_rank
    from days d
    join tags t on t.cluster_id = d.cluster_id
    join rule_owners o
        on o.kind = 'tag' and t.key = o.tag_key and t.value like o.pattern escape '\'
        and d.usage_date >= o.valid_from and d.usage_date < o.valid_to
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
