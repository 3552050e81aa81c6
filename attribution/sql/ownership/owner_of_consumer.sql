-- One row per consumer of usage rows (what it is, its name, the team its rows name) and day
-- it used something on, where it has an owner of its own: the team its rows name, or which
-- it is; else a rule: of the newest run or the workflow of a workload, of a table, of a user.
with consumers as (
    select distinct usage_date, consumer_kind, consumer, coalesce(team, '') as named_team
    from usage_shares
    where consumer is not null
),
runs as (
    select workload, team, rule_id, started_on
    from (
        select
            r.workload, o.team, o.rule_id, cast(r.started_at as date) as started_on,
            row_number() over (
                partition by r.workload, cast(r.started_at as date)
                order by r.started_at desc, r.engine, r.run_id
            ) as nth
        from stg_runs r
        join owner_of_run o on o.engine = r.engine and o.run_id = r.run_id
        where r.workload in (select consumer from consumers where consumer_kind = 'workload')
    ) ranked
    where nth = 1
),
newest_runs as (
    -- The last that had begun by then, else the first after it.
    select
        c.usage_date, c.consumer_kind, c.consumer, c.named_team, r.team, r.rule_id,
        row_number() over (
            partition by c.usage_date, c.consumer, c.named_team
            order by
                case when r.started_on <= c.usage_date then 0 else 1 end,
                abs(date_diff('day', c.usage_date, r.started_on)), r.started_on
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
matches as (
    select
        c.*, t.team, 'usage rows: ' || case when c.named_team = '' then c.consumer_kind else 'team' end || ' ' || t.team
            as rule_id,
        cast(0 as bigint) as position, 1 as kind_rank
    from consumers c
    join teams t
        on t.team = case when c.named_team <> '' then c.named_team when c.consumer_kind = 'team' then c.consumer end
    union all
    select usage_date, consumer_kind, consumer, named_team, team, rule_id, cast(0 as bigint), 2
    from newest_runs
    where nth = 1
    union all
    select c.*, o.team, o.rule_id, o.position, 3
    from consumers c
    join rule_owners o
        on (
            (c.consumer_kind = 'workload' and o.kind = 'workflow'
                and (c.consumer like o.pattern escape '\' or split_part(c.consumer, '/', 1) like o.pattern escape '\'))
            or (c.consumer_kind = 'table' and o.kind = 'table' and lower(c.consumer) like o.pattern escape '\')
            or (c.consumer_kind = 'user' and o.kind = 'user' and c.consumer like o.pattern escape '\')
        )
        and c.usage_date >= o.valid_from and c.usage_date < o.valid_to
    union all
    select c.*, o.team, o.rule_id, o.position, 4
    from consumers c
    join table_owners t on t.table_id = lower(c.consumer)
    join rule_owners o
        on o.kind = 'owner' and t.owner like o.pattern escape '\'
        and c.usage_date >= o.valid_from and c.usage_date < o.valid_to
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
select usage_date, consumer_kind, consumer, named_team, team, rule_id
from ranked
where nth = 1
