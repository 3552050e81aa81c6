-- One row per UTC day, currency, team (the default one or none) and the most specific
-- ownership rule that would claim the cost: its kind, tag key and value; null where nothing
-- is known that a rule could name.
-- Key: usage_date, billing_currency, team?, kind?, tag_key?, value?
with tag_ranks as (
    -- Tags that say whose a charge is, the plainest first.
    select 'team' as tag_key, 1 as tag_rank
    union all
    select 'owner', 2
    union all
    select 'cost_center', 3
    union all
    select 'costcenter', 4
    union all
    select 'project', 5
    union all
    select 'product', 6
    union all
    select 'application', 7
    union all
    select 'app', 8
    union all
    select 'service', 9
),
telling_tags as (
    select
        t.tag_set_id, t.key, t.value,
        row_number() over (partition by t.tag_set_id order by r.tag_rank, t.value) as nth
    from stg_tags t
    join tag_ranks r on r.tag_key = t.key
),
named as (
    select
        a.usage_date, g.billing_currency, a.team, a.part, a.method, a.consumer_kind, a.consumer, g.pool_kind,
        a.billed_cost, a.effective_cost, a.list_cost, a.contracted_cost,
        case when a.consumer_kind = 'table' then lower(a.consumer) else a.table_id end as table_id,
        g.resource_id, g.account_id,
        case when a.consumer_kind = 'workload' then split_part(a.consumer, '/', 1)
            else coalesce(r.workflow_id, r.name) end as workflow,
        case when a.consumer_kind = 'user' then a.consumer else r.user_name end as user_name, g.cluster_id,
        t.key as tag_key, t.value as tag_value
    from owned_atoms a
    join charge_groups g on g.group_nr = a.group_nr
    left join stg_runs r on r.run_nr = a.run_nr
    left join telling_tags t
        on a.part in ('whole', 'unmeasured', 'consumer') and t.tag_set_id = g.tag_set_id and t.nth = 1
    where a.category <> 'shared' and (a.claimed_by is null or a.claimed_by = 'default')
),
ruled as (
    select
        n.*,
        -- In the order in which owned_atoms asks whose it is.
        case
            when part = 'consumer' and consumer_kind = 'workload' then 'workflow'
            when part = 'consumer' and consumer_kind in ('table', 'user') then consumer_kind
            when part = 'consumer' and pool_kind in ('compute', 'overhead') then 'cluster'
            when part = 'run' and workflow is not null then 'workflow'
            when part = 'run' and user_name is not null then 'user'
            when part in ('run', 'idle') or method = 'unobserved-cluster' then 'cluster'
            when part = 'table' then 'table'
            when tag_value is not null then 'tag'
            when resource_id is not null then 'resource'
            when account_id is not null then 'account'
        end as kind
    from named n
)
select
    usage_date,
    billing_currency,
    team,
    kind,
    case when kind = 'tag' then tag_key end as tag_key,
    case kind
        when 'workflow' then workflow
        when 'user' then user_name
        when 'cluster' then cluster_id
        when 'table' then table_id
        when 'tag' then tag_value
        when 'resource' then resource_id
        when 'account' then account_id
    end as value,
    sum(billed_cost) as billed_cost,
    sum(effective_cost) as effective_cost,
    sum(list_cost) as list_cost,
    sum(contracted_cost) as contracted_cost
from ruled
group by
    usage_date, billing_currency, team, kind,
    case when kind = 'tag' then tag_key end,
    case kind
        when 'workflow' then workflow
        when 'user' then user_name
        when 'cluster' then cluster_id
        when 'table' then table_id
        when 'tag' then tag_value
        when 'resource' then resource_id
        when 'account' then account_id
    end
