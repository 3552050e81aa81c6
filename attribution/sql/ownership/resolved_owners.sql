-- One row per subject of ownership and UTC day with a cost: the team and the rule it has by
-- today's rules. A subject is a run, a cluster (what was idle), a table in a bucket, or what a
-- charge names itself by; columns that are no part of it are empty.
-- Key: subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date
with subjects as (
    select
        case part when 'run' then 'run' when 'idle' then 'cluster' when 'table' then 'table' else 'charge' end
            as subject,
        case when part = 'run' then engine else '' end as engine,
        case when part = 'run' then run_id else '' end as run_id,
        case when part = 'table' then table_id else '' end as table_id,
        -- A cluster of which nothing is known but what its charges say: they are the subject.
        case when part = 'idle' or method = 'unobserved-cluster' then cluster_id else '' end as cluster_id,
        case when part in ('run', 'idle') then '' else coalesce(tag_set_id, '') end as tag_set_id,
        case when part in ('run', 'idle') then '' else coalesce(resource_id, '') end as resource_id,
        case when part in ('run', 'idle') then '' else coalesce(account_id, '') end as account_id,
        usage_date,
        team,
        owner_rule
    from atoms
    -- A consumer's owner stands in its file, not in a rule: it has no history.
    where category <> 'shared' and part <> 'consumer'
)
select
    subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date,
    team, owner_rule
from subjects
group by
    subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date,
    team, owner_rule
