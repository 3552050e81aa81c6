-- One row per thing attribution noticed: code, object, message and how often.
-- Key: code, object, message
select 'no-list-cost' as code, source as object,
    'lines without a list cost: counted as 0 on the list basis' as message, cast(count(*) as bigint) as times
from stg_charges where list_cost_missing = 1 group by source
union all
select 'no-contracted-cost', source, 'lines without a contracted cost: counted as 0 on the contracted basis',
    cast(count(*) as bigint)
from stg_charges where contracted_cost_missing = 1 group by source
union all
select 'bill-identity', source || ' ' || strftime(billing_period_start, '%Y-%m'),
    'billed differs from effective + upfront fees - amortised upfront by ' || rtrim(rtrim(cast(residual as varchar), '0'), '.')
        || ' ' || billing_currency,
    cast(1 as bigint)
from billing_identity
where abs(residual) > abs(billed_cost) / 10000
union all
select 'run-without-cluster', r.engine || ' run ' || r.run_id,
    'held cores, but no cluster is known: it has no cost (give its source a `cluster`, or add the cluster''s nodes)',
    cast(1 as bigint)
from stg_runs r
left join run_owners o on o.engine = r.engine and o.run_id = r.run_id
where r.vcore_ms > 0 and o.cluster_id is null
union all
select 'cluster-without-capacity', cluster_id,
    'its nodes'' cores are unknown: it is shared over the time a run was active', cast(count(*) as bigint)
from cluster_shares
where method = 'cluster-active-share' and run_id is not null
group by cluster_id
union all
select 'cluster-unobserved', cluster_id,
    'charges name this cluster, but neither its nodes nor its runs are read: they go to its tags'' owner',
    cast(count(*) as bigint)
from atoms where method = 'unobserved-cluster' group by cluster_id
union all
select 'storage-nearest', bucket,
    'days without a collection of its tables were split by the nearest one', cast(count(distinct usage_date) as bigint)
from (select resource_id as bucket, usage_date from atoms where method = 'storage-nearest') days
group by bucket
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
