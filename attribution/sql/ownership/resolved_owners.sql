-- One row per subject of ownership and UTC day with a cost: the team and the rule it has by
-- today's rules. A subject is a run, a cluster (what was idle), a table in a bucket, a consumer of
-- told usage, or what a charge names itself by; columns that are no part of it are empty
-- (`subject_*` in functions.sql). A consumer to which two files give two teams on the same day,
-- of charges that look alike, has no one owner to record.
-- Key: subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date
with subjects as (
    select distinct
        subject_kind(a.part) as subject,
        coalesce(a.run_nr, cast(-1 as bigint)) as run_nr,
        subject_engine(a.part, '', a.consumer_kind) as consumer_kind,
        subject_run(a.part, '', a.consumer) as consumer,
        subject_table(a.part, a.table_id) as table_id,
        subject_cluster(a.part, a.method, g.cluster_id) as cluster_id,
        subject_fact(a.part, g.tag_set_id) as tag_set_id,
        subject_fact(a.part, g.resource_id) as resource_id,
        subject_fact(a.part, g.account_id) as account_id,
        a.usage_date,
        a.team,
        a.owner_rule
    from owned_atoms a
    join charge_groups g on g.group_nr = a.group_nr
    where a.category <> 'shared'
),
named as (
    select
        s.subject, coalesce(r.engine, s.consumer_kind) as engine, coalesce(r.run_id, s.consumer) as run_id,
        s.table_id, s.cluster_id, s.tag_set_id, s.resource_id, s.account_id, s.usage_date, s.team, s.owner_rule
    from subjects s
    left join stg_runs r on r.run_nr = s.run_nr
),
consumers as (
    select
        n.*,
        count(*) over (
            partition by
                n.engine, n.run_id, n.cluster_id, n.tag_set_id, n.resource_id, n.account_id, n.usage_date
        ) as owners
    from named n
    where n.subject = 'consumer'
)
select
    subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date, team, owner_rule
from named
where subject <> 'consumer'
union all
select
    subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date, team, owner_rule
from consumers
where owners = 1
