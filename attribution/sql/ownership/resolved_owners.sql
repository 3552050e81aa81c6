-- One row per subject of ownership and UTC day with a cost: the team and the rule it has by
-- today's rules. A subject is a run, a cluster (what was idle), a table in a bucket, or what a
-- charge names itself by; columns that are no part of it are empty.
-- Key: subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date
with subjects as (
    select distinct
        case a.part when 'run' then 'run' when 'idle' then 'cluster' when 'table' then 'table' else 'charge' end
            as subject,
        coalesce(a.run_nr, cast(-1 as bigint)) as run_nr,
        case when a.part = 'table' then a.table_id else '' end as table_id,
        -- A cluster of which nothing is known but what its charges say: they are the subject.
        case when a.part = 'idle' or a.method = 'unobserved-cluster' then g.cluster_id else '' end as cluster_id,
        case when a.part in ('run', 'idle') then '' else coalesce(g.tag_set_id, '') end as tag_set_id,
        case when a.part in ('run', 'idle') then '' else coalesce(g.resource_id, '') end as resource_id,
        case when a.part in ('run', 'idle') then '' else coalesce(g.account_id, '') end as account_id,
        a.usage_date,
        a.team,
        a.owner_rule
    from owned_atoms a
    join charge_groups g on g.group_nr = a.group_nr
    -- A consumer's owner stands in its file, not in a rule: it has no history.
    where a.category <> 'shared' and a.part <> 'consumer'
)
select
    s.subject, coalesce(r.engine, '') as engine, coalesce(r.run_id, '') as run_id, s.table_id, s.cluster_id,
    s.tag_set_id, s.resource_id, s.account_id, s.usage_date, s.team, s.owner_rule
from subjects s
left join stg_runs r on r.run_nr = s.run_nr
