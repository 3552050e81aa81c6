-- One row per consumer of usage rows (what it is, its name, the team its rows name) and day
-- it used something on, where it has an owner of its own: the team its rows name, or which
-- it is; else a rule: of the newest run or the workflow of a workload, of a table, of a user.
-- Key: usage_date, consumer_kind, consumer, named_team
with consumers as (
    select distinct usage_date, consumer_kind, consumer, coalesce(team, '') as named_team
    from usage_shares
    where consumer is not null
),
runs as (
    select workload, team, rule_id, owner_kind, started_on
    from (
        select
            r.workload, o.team, o.rule_id, o.owner_kind, cast(r.started_at as date) as started_on,
            row_number() over (
                partition by r.workload, cast(r.started_at as date)
                order by r.started_at desc, r.engine, r.run_id
            ) as nth
        from stg_runs r
        join owner_of_run o on o.run_nr = r.run_nr
        where r.workload in (select consumer from consumers where consumer_kind = 'workload')
    ) ranked
    where nth = 1
),
newest_runs as (
    -- The last that had begun by then, else the first after it.
    select
        c.usage_date, c.consumer_kind, c.consumer, c.named_team, r.team, r.rule_id, r.owner_kind,
        row_number() over (
            partition by c.usage_date, c.consumer, c.named_team
            order by
                case when r.started_on <= c.usage_date then 0 else 1 end,
                abs(unix_seconds(cast(c.usage_date as timestamp)) - unix_seconds(cast(r.started_on as timestamp))) / 86400, r.started_on
        ) as nth
    from consumers c
    join runs r on r.workload = c.consumer
    where c.consumer_kind = 'workload'
),
table_owners as (
    select table_id, owner
    from (
        select table_id, owner, row_number() over (partition by table_id order by collected_at desc) as nth
        from stg_tables
        where owner is not null
    ) ranked
    where nth = 1
),
names as (
    select distinct consumer_kind, consumer, 'workflow' as kind, consumer as value
    from consumers
    where consumer_kind = 'workload'
    union
    select consumer_kind, consumer, 'workflow', split_part(consumer, '/', 1)
    from consumers
    where consumer_kind = 'workload'
    union
    select consumer_kind, consumer, 'table', lower(consumer) from consumers where consumer_kind = 'table'
    union
    select consumer_kind, consumer, 'user', consumer from consumers where consumer_kind = 'user'
),
matches as (
    select
        c.usage_date, c.consumer_kind, c.consumer, c.named_team, t.team,
        'usage rows: ' || case when c.named_team = '' then c.consumer_kind else 'team' end || ' ' || t.team
            as rule_id,
        cast(0 as bigint) as position, 1 as kind_rank, 'usage' as kind
    from consumers c
    join teams t
        on t.team = case when c.named_team <> '' then c.named_team when c.consumer_kind = 'team' then c.consumer end
    union all
    select usage_date, consumer_kind, consumer, named_team, team, rule_id, cast(0 as bigint), 2, owner_kind
    from newest_runs
    where nth = 1
    union all
    select
        c.usage_date, c.consumer_kind, c.consumer, c.named_team, m.team, m.rule_id, m.position, 3, m.kind
    from names n
    join consumers c on c.consumer_kind = n.consumer_kind and c.consumer = n.consumer
    join charge_matches m
        on m.kind = n.kind and m.value = n.value
        and c.usage_date >= m.valid_from and c.usage_date < m.valid_to
    union all
    select
        c.usage_date, c.consumer_kind, c.consumer, c.named_team, m.team, m.rule_id, m.position, 4, m.kind
    from consumers c
    join table_owners t on t.table_id = lower(c.consumer)
    join owner_matches m
        on m.kind = 'owner' and m.value = t.owner
        and c.usage_date >= m.valid_from and c.usage_date < m.valid_to
    where c.consumer_kind = 'table'
),
ranked as (
    select
        m.*,
        row_number() over (
            partition by m.usage_date, m.consumer_kind, m.consumer, m.named_team
            order by m.kind_rank, m.position, m.team
        ) as nth
    from matches m
)
select usage_date, consumer_kind, consumer, named_team, team, rule_id, kind as owner_kind
from ranked
where nth = 1
