-- One row per atom (charge group x run x table x consumer): its cost on every basis, how it
-- was found (method, weight) and whose it is (team, owner rule), in one of six categories.
-- Usage follows the run's owner or the consumer's (else its pool's), storage the table's
-- (else the bucket's tags), idle the cluster's, direct charges a rule on their unobserved
-- cluster, then their own tags; then the default team. Named in full by the view `atoms`.
-- Key: group_nr, run_nr?, table_id?, consumer_kind?, consumer?, part
with owned as (
    select
        a.group_nr, a.run_nr, a.table_id, a.consumer_kind, a.consumer, a.part, a.method, a.weight, a.weight_total,
        a.billed_cost, a.effective_cost, a.list_cost, a.contracted_cost,
        g.usage_date,
        g.pool_kind,
        case
            when a.part = 'run' then r.team
            when a.part = 'consumer' and u.team is not null then u.team
            when a.part = 'consumer' and (g.pool_kind in ('compute', 'overhead') or c.owner_kind = 'cluster')
                then c.team
            when a.part = 'consumer' then d.team
            when a.part = 'idle' then c.team
            when a.part = 'table' then coalesce(t.team, d.team)
            when a.part = 'unmeasured' then d.team
            when g.pool_kind = 'direct' and c.owner_kind = 'cluster' then c.team
            when g.pool_kind = 'direct' then d.team
        end as ruled_team,
        case
            when a.part = 'run' then r.rule_id
            when a.part = 'consumer' and u.team is not null then u.rule_id
            when a.part = 'consumer' and (g.pool_kind in ('compute', 'overhead') or c.owner_kind = 'cluster')
                then c.rule_id
            when a.part = 'consumer' then d.rule_id
            when a.part = 'idle' then c.rule_id
            when a.part = 'table' then coalesce(t.rule_id, d.rule_id)
            when a.part = 'unmeasured' then d.rule_id
            when g.pool_kind = 'direct' and c.owner_kind = 'cluster' then c.rule_id
            when g.pool_kind = 'direct' then d.rule_id
        end as ruled_by,
        case
            when a.part = 'run' then r.owner_kind
            when a.part = 'consumer' and u.team is not null then u.owner_kind
            when a.part = 'consumer' and (g.pool_kind in ('compute', 'overhead') or c.owner_kind = 'cluster')
                then c.owner_kind
            when a.part = 'consumer' then d.owner_kind
            when a.part = 'idle' then c.owner_kind
            when a.part = 'table' and t.team is not null then t.owner_kind
            when a.part = 'table' and d.team is not null then 'bucket'
            when a.part = 'unmeasured' then d.owner_kind
            when g.pool_kind = 'direct' and c.owner_kind = 'cluster' then c.owner_kind
            when g.pool_kind = 'direct' then d.owner_kind
        end as ruled_kind
    from atom_costs a
    join charge_groups g on g.group_nr = a.group_nr
    left join owner_of_run r on r.run_nr = a.run_nr
    left join owner_of_cluster c
        on (a.part = 'idle' or a.method in ('unobserved-cluster', 'usage-share', 'usage-rest'))
        and c.cluster_id = g.cluster_id
        and c.usage_date = g.usage_date
    left join owner_of_table t on a.part = 'table' and t.table_id = a.table_id and t.usage_date = g.usage_date
    left join usage_shares s on a.part = 'consumer' and s.group_nr = a.group_nr and s.consumer = a.consumer
    left join owner_of_consumer u
        on u.usage_date = s.usage_date
        and u.consumer_kind = s.consumer_kind
        and u.consumer = s.consumer
        and u.named_team = coalesce(s.team, '')
    left join owner_of_charge d
        on (g.pool_kind in ('direct', 'storage') or a.part = 'consumer')
        and d.tag_set_id = coalesce(g.tag_set_id, '')
        and d.resource_id = coalesce(g.resource_id, '')
        and d.account_id = coalesce(g.account_id, '')
        and d.usage_date = g.usage_date
),
defaulted as (
    select
        o.*,
        -- The default owns work, storage and capacity nobody claims; shared costs stay shared.
        case
            when o.pool_kind = 'shared' and o.part <> 'consumer' then null
            else coalesce(o.ruled_team, p.default_team)
        end as team,
        case
            when o.pool_kind = 'shared' and o.part <> 'consumer' then null
            when o.ruled_team is not null then o.ruled_by
            when p.default_team is not null then 'default'
        end as owner_rule,
        case
            when o.pool_kind = 'shared' and o.part <> 'consumer' then null
            when o.ruled_team is not null then o.ruled_kind
            when p.default_team is not null then 'default'
        end as claimed_by
    from owned o
    cross join parameters p
)
select
    d.group_nr,
    d.usage_date,
    d.run_nr,
    d.table_id,
    d.consumer_kind,
    d.consumer,
    d.part,
    case when d.method = 'direct' and d.team is null then 'unowned' else d.method end as method,
    d.weight,
    d.weight_total,
    d.team,
    d.owner_rule,
    -- By which kind of fact: owner, tag, workflow, user, table, resource, cluster, bucket,
    -- account or default.
    d.claimed_by,
    case
        when d.part in ('run', 'consumer') then 'usage'
        when d.part = 'idle' then 'idle'
        when d.part = 'table' then 'storage'
        when d.pool_kind = 'shared' then 'shared'
        when d.part = 'unmeasured' and d.team is not null then 'storage'
        when d.team is not null then 'direct'
        else 'unallocated'
    end as category,
    d.billed_cost,
    d.effective_cost,
    d.list_cost,
    d.contracted_cost
from defaulted d
