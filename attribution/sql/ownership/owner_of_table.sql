-- One row per table and day with storage cost, where it has an owner: a rule on its name
-- (which covers namespaces by a wildcard), else a rule on the owner its properties name.
-- Key: table_id, usage_date
with days as (
    select distinct a.table_id, g.usage_date
    from atom_costs a
    join charge_groups g on g.group_nr = a.group_nr
    where a.part = 'table'
),
table_owners as (
    -- As it was last collected: an owner that was replaced owns no longer.
    select table_id, owner
    from (
        select table_id, owner, row_number() over (partition by table_id order by collected_at desc) as nth
        from stg_tables
        where owner is not null
    ) ranked
    where nth = 1
),
matches as (
    select d.table_id, d.usage_date, o.team, o.rule_id, o.kind, o.position, 1 as kind_rank
    from days d
    join rule_owners o
        on o.kind = 'table' and d.table_id like o.pattern escape '\'
        and d.usage_date >= o.valid_from and d.usage_date < o.valid_to
    union all
    select d.table_id, d.usage_date, o.team, o.rule_id, o.kind, o.position, 2
    from days d
    join table_owners t on t.table_id = d.table_id
    join rule_owners o
        on o.kind = 'owner' and t.owner like o.pattern escape '\'
        and d.usage_date >= o.valid_from and d.usage_date < o.valid_to
),
ranked as (
    select
        m.*,
        row_number() over (partition by m.table_id, m.usage_date order by m.kind_rank, m.position, m.team) as nth
    from matches m
)
select table_id, usage_date, team, rule_id, kind as owner_kind
from ranked
where nth = 1
