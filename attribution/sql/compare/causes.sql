-- One row per reason, currency and thing that changed: how many of it, and how much it moved; what only moved between groups is told by how much.
-- Key: reason, billing_currency, what
with bill as (
    select
        'bill' as reason, s.billing_currency,
        coalesce(a.service_name, '(none)') || coalesce(' · ' || a.usage_type, '')
            || case
                when g.presence = 'both' or m.charge_group_id is not null then ': restated'
                when g.presence = 'new' then ': new'
                else ': gone'
            end as what,
        count(distinct s.charge_group_id) as times,
        sum(s.cost) as cost
    from steps s
    join changed_groups g on g.charge_group_id = s.charge_group_id
    join (
        select charge_group_id, service_name, usage_type from earlier_atoms
        union
        select charge_group_id, service_name, usage_type from later_atoms
    ) a on a.charge_group_id = s.charge_group_id
    left join moved_groups m on m.charge_group_id = s.charge_group_id
    where s.reason = 'bill' and s.is_asked
    group by all
),
runs as (
    select
        s.billing_currency, s.engine, s.run_id, r.what,
        coalesce(max(l.workload), max(e.workload), s.run_id) as workload,
        sum(s.cost) as cost
    from steps s
    join changed_runs r on r.engine = s.engine and r.run_id = s.run_id
    left join earlier.stg_runs e on e.engine = s.engine and e.run_id = s.run_id
    left join later.stg_runs l on l.engine = s.engine and l.run_id = s.run_id
    where s.reason = 'logs' and s.is_asked
    group by s.billing_currency, s.engine, s.run_id, r.what
),
logs as (
    select
        'logs', billing_currency,
        workload || case when count(*) = 1 then ' (' || min(run_id) || ')' else '' end || ': ' || what,
        count(*),
        sum(cost)
    from runs
    group by billing_currency, workload, what
),
ownership as (
    select
        'ownership', l.billing_currency,
        coalesce(o.team, 'no team') || ' → ' || coalesce(l.team, 'no team') || coalesce(', by ' || l.owner_rule, ''),
        count(distinct l.subject || chr(31) || l.usage_date),
        sum(l.cost)
    from later_atoms l
    join later_owned o
        on o.charge_group_id = l.charge_group_id and o.part = l.part
        and o.engine is not distinct from l.engine and o.run_id is not distinct from l.run_id
        and o.table_id is not distinct from l.table_id and o.consumer is not distinct from l.consumer
        and o.consumer_kind is not distinct from l.consumer_kind
    where o.team is distinct from l.team and (o.is_asked or l.is_asked)
    group by l.billing_currency, o.team, l.team, l.owner_rule
),
moved as (
    select
        n.charge_group_id,
        min(split_part(m.earlier_pools, chr(31), 1)) as earlier_pool,
        min(split_part(n.pool, chr(31), 1)) as pool,
        min(split_part(n.pool, chr(31), 2)) as pool_rule
    from later_lines n
    join moved_groups v on v.side = 'later' and v.charge_group_id = n.charge_group_id and v.is_by_rule = 1
    join moved_classes m on m.line_class = n.line_class and m.usage_date = n.usage_date
    group by n.charge_group_id
),
rules as (
    select
        'rules', a.billing_currency,
        'pool ' || m.earlier_pool || ' → ' || m.pool || ', by ' || m.pool_rule,
        count(distinct a.charge_group_id),
        sum(a.cost)
    from moved m
    join later_atoms a on a.charge_group_id = m.charge_group_id
    where a.is_asked
    group by a.billing_currency, m.earlier_pool, m.pool, m.pool_rule
),
other as (
    select 'other', billing_currency, method, count(distinct charge_group_id), sum(cost)
    from steps
    where reason = 'other' and is_asked
    group by billing_currency, method
    having sum(cost) <> 0
),
causes as (
    select * from bill
    union all select * from logs
    union all select * from ownership
    union all select * from rules
    union all select * from other
)
select reason, billing_currency, what, cast(times as bigint) as times, cast(cost as varchar) as cost
from causes
where cost <> 0
order by reason, abs(cost) desc, what
