-- One row per changed group: why it is split otherwise than before (`rules`, `logs`, `other`), if it is.
-- Key: charge_group_id
with parts as (
    select charge_group_id, engine, run_id, table_id, method from earlier_atoms
    union
    select charge_group_id, engine, run_id, table_id, method from later_atoms
),
tables as (
    -- Requests follow what runs read and wrote.
    select t.table_id
    from later.stg_run_tables t
    join changed_runs r on r.engine = t.engine and r.run_id = t.run_id
    union
    select t.table_id
    from earlier.stg_run_tables t
    join changed_runs r on r.engine = t.engine and r.run_id = t.run_id
),
logged as (
    select p.charge_group_id
    from parts p
    join changed_runs r on r.engine = p.engine and r.run_id = p.run_id
    union
    select p.charge_group_id
    from parts p
    join tables t on t.table_id = p.table_id
    where p.method in ('request-share', 'request-rest')
)
select
    g.charge_group_id,
    case
        when m.is_by_rule = 1 then 'rules'
        when l.charge_group_id is not null then 'logs'
        else 'other'
    end as reason
from changed_groups g
left join moved_groups m on m.charge_group_id = g.charge_group_id
left join logged l on l.charge_group_id = g.charge_group_id
