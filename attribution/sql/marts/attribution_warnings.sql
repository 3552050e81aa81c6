-- One row per thing attribution noticed: code, object, message and how often.
-- Key: code, object, message
with bills as (
    -- AWS goes by two names in exports of its own.
    select
        source, billing_account_id, billing_period_start, billing_currency,
        case when lower(provider_name) = 'amazon web services' then 'AWS' else provider_name end as provider,
        sum(billed_cost) as billed_cost,
        sum(list_cost_missing) as list_lines,
        sum(contracted_cost_missing) as contracted_lines
    from stg_charges
    group by all
),
missing_costs as (
    select
        source,
        cast(sum(list_lines) as bigint) as list_lines,
        cast(sum(contracted_lines) as bigint) as contracted_lines
    from bills
    group by source
),
orchestrated as (
    -- Lineage tells of the same runs, and times them its own way.
    select r.source, r.engine, r.run_id, min(r.started_at) as started_at
    from landed_runs r
    join sources k on k.source = r.source and k.kind <> 'openlineage'
    where r.engine in ('maestro', 'airflow')
    group by r.source, r.engine, r.run_id
),
told as (
    -- Methods that are worth a word, by charge group: of all atoms a few.
    select distinct group_nr, usage_date, method
    from owned_atoms
    where method in ('unobserved-cluster', 'storage-nearest')
)
select 'no-list-cost' as code, source as object,
    'lines without a list cost: counted as 0 on the list basis' as message, list_lines as times
from missing_costs where list_lines > 0
union all
select 'no-contracted-cost', source, 'lines without a contracted cost: counted as 0 on the contracted basis',
    contracted_lines
from missing_costs where contracted_lines > 0
union all
select
    'bill-in-two-sources', a.source || ' + ' || b.source || ' ' || strftime(a.billing_period_start, '%Y-%m'),
    'both bill account ' || a.billing_account_id || coalesce(' of ' || a.provider, '') || ', and are added up: '
        || rtrim(rtrim(cast(a.billed_cost as varchar), '0'), '.') || ' and '
        || rtrim(rtrim(cast(b.billed_cost as varchar), '0'), '.') || ' ' || a.billing_currency
        || ' (if they are one bill, keep one of the sources)',
    cast(1 as bigint)
from bills a
join bills b
    on b.billing_account_id = a.billing_account_id
    and b.billing_period_start = a.billing_period_start
    and b.billing_currency = a.billing_currency
    and lower(b.provider) is not distinct from lower(a.provider)
    and b.source > a.source
union all
select
    'run-in-two-sources', a.engine || ' runs of ' || a.source || ' and ' || b.source,
    'both tell of runs of one name that started at different times: of each only one is kept'
        || ' (two deployments need workflows of different names); the first is ' || min(a.run_id),
    cast(count(*) as bigint)
from orchestrated a
join orchestrated b on b.engine = a.engine and b.run_id = a.run_id and b.source > a.source
where b.started_at <> a.started_at
group by a.engine, a.source, b.source
union all
select 'bill-identity', source || ' ' || strftime(billing_period_start, '%Y-%m'),
    'billed differs from effective + upfront fees - amortised upfront by ' || rtrim(rtrim(cast(residual as varchar), '0'), '.')
        || ' ' || billing_currency,
    cast(1 as bigint)
from billing_identity
where abs(residual) > abs(billed_cost) / 10000
union all
select 'run-without-cluster', r.engine || ' runs of ' || r.source,
    'held cores, but no cluster is known: they have no cost (give the source a `cluster`, or add the cluster''s nodes);'
        || ' the first is ' || min(r.run_id),
    cast(count(*) as bigint)
from stg_runs r
left join run_owners o on o.engine = r.engine and o.run_id = r.run_id
where r.vcore_ms > 0 and o.cluster_id is null
group by r.engine, r.source
union all
select 'cluster-without-capacity', cluster_id,
    'its nodes'' cores are unknown: it is shared over the time a run was active', cast(count(*) as bigint)
from cluster_shares
where method = 'cluster-active-share' and run_nr is not null
group by cluster_id
union all
select 'cluster-unobserved', g.cluster_id,
    'charges name this cluster, but neither its nodes nor its runs are read: they go to its tags'' owner',
    cast(count(*) as bigint)
from told t join charge_groups g on g.group_nr = t.group_nr
where t.method = 'unobserved-cluster' group by g.cluster_id
union all
select 'storage-nearest', g.resource_id,
    'days without a collection of its tables were split by the nearest one', cast(count(distinct t.usage_date) as bigint)
from told t join charge_groups g on g.group_nr = t.group_nr
where t.method = 'storage-nearest' group by g.resource_id
union all
select 'over-used-node', s.cluster_id || ' ' || s.node_id,
    'runs held more than it has in some hours: its whole cost is split, nothing is idle', cast(count(*) as bigint)
from (
    select u.cluster_id, u.node_id, u.hour
    from node_usage u
    join node_lives l on l.cluster_id = u.cluster_id and l.node_id = u.node_id and l.hour = u.hour
    group by u.cluster_id, u.node_id, u.hour, l.vcore_ms, l.memory_mib_ms
    having sum(u.vcore_ms) > l.vcore_ms or sum(u.memory_mib_ms) > l.memory_mib_ms
) s
group by s.cluster_id, s.node_id
union all
select
    'unknown-service', o.service_name || ' ' || o.month,
    case when o.amount_size >= 0.01 then cast(cast(round(o.amount, 2) as decimal(38, 2)) as varchar)
        else rtrim(rtrim(cast(o.amount as varchar), '0'), '.') end
        || ' ' || o.billing_currency || ' (' || o.basis || ') fell into the pool `other`: no rule knows this service'
        || ' (give it a pool by a [[pool_rule]])',
    o.pieces
from (
    select
        coalesce(service_name, '(none)') as service_name,
        strftime(usage_date, '%Y-%m') as month,
        billing_currency,
        case when sum(effective_cost) = 0 then 'billed' else 'effective' end as basis,
        case when sum(effective_cost) = 0 then sum(billed_cost) else sum(effective_cost) end as amount,
        abs(case when sum(effective_cost) = 0 then sum(billed_cost) else sum(effective_cost) end) as amount_size,
        cast(sum(pieces) as bigint) as pieces
    from charge_groups
    where pool = 'other'
    group by coalesce(service_name, '(none)'), strftime(usage_date, '%Y-%m'), billing_currency
    -- What costs nothing has nothing to hide.
    having sum(effective_cost) <> 0 or sum(billed_cost) <> 0
) o
union all
select
    'usage-without-charges', u.source || ' ' || u.source_object,
    'usage of ' || u.selection || ' by ' || u.consumer_kind || ' splits nothing: on its days the bill has no such charges,'
        || ' or a more exact selection or a later file splits them',
    cast(sum(u.lines_read) as bigint)
from stg_usage_shares u
where u.selection_id not in (select selection_id from usage_shares)
group by u.source, u.source_object, u.selection, u.consumer_kind
union all
select
    'usage-unknown-team', u.source || ' ' || u.source_object,
    'usage of ' || u.selection || ' names the team `' || u.named_team || '`, which no [[team]] is called:'
        || ' its part stays with the owner of the charges',
    cast(sum(u.lines_read) as bigint)
from (
    select *, coalesce(team, case when consumer_kind = 'team' then consumer end) as named_team
    from stg_usage_shares
) u
where u.named_team is not null and u.named_team not in (select team from teams)
group by u.source, u.source_object, u.selection, u.named_team
union all
select 'unlisted-team', r.team, 'rules of files give it costs, and the configuration does not list it: it gets no report',
    cast(count(*) as bigint)
from stg_owner_rules r
left join teams t on t.team = r.team
where r.origin = 'file' and t.team is null
group by r.team
