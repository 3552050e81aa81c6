-- One row per table and day with storage cost, where it has an owner: a rule on its name
-- (which covers namespaces by a wildcard), else a rule on the owner its properties name.
-- Key: table_id, usage_date
with days as (
    select distinct a.table_id, g.usage_date
    from atom_costs a
    join charge_groups g on g.group_nr = a.group_nr
    where a.part = 'table'
),
owners as (
    -- As it was last collected: an owner that was replaced owns no longer.
    select table_id, owner, row_number() over (partition by table_id order by collected_at desc) as nth
    from stg_tables
    where owner is not null
),
known as (
    select distinct table_id, 'table' as kind, table_id as value, 1 as kind_rank from days
    union all
    select table_id, 'owner', owner, 2 from owners where nth = 1
),
matches as (
    select d.table_id, d.usage_date, m.team, m.rule_id, m.kind, m.position, k.kind_rank
    from days d
    join known k on k.table_id = d.table_id
    join owner_matches m
        on m.kind = k.kind and m.value = k.value
        and d.usage_date >= m.valid_from and d.usage_date < m.valid_to
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
