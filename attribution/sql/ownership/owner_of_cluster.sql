-- One row per cluster and day with a charge, where it has an owner: the first of the rules
-- that hold that day.
-- Key: cluster_id, usage_date
with days as (
    select distinct cluster_id, usage_date
    from charge_groups
    where cluster_id is not null
),
ranked as (
    select
        d.cluster_id, d.usage_date, c.team, c.rule_id, c.owner_kind, c.position,
        row_number() over (
            partition by d.cluster_id, d.usage_date order by c.kind_rank, c.position, c.team
        ) as nth
    from days d
    join cluster_owners c
        on c.cluster_id = d.cluster_id and d.usage_date >= c.valid_from and d.usage_date < c.valid_to
)
select cluster_id, usage_date, team, rule_id, owner_kind, position
from ranked
where nth = 1
