-- One row per pot (a workload's runs, a cluster's idle part, a table's objects, what of a
-- bucket belongs to no table, commitments), UTC day and currency: what it cost. Findings
-- claim from pots, and a pot gives no more than it holds.
-- Key: pot_kind, pot, usage_date, billing_currency
with costs as (
    select
        case
            when c.category = 'usage' and c.run_id is not null then 'workload'
            when c.category = 'idle' then 'cluster'
            when c.pool = 'commitments' then 'commitments'
            when c.table_id is not null then 'table'
        end as pot_kind,
        case
            when c.category = 'usage' and c.run_id is not null then c.workload
            when c.category = 'idle' then coalesce(k.cluster, c.cluster_id)
            when c.pool = 'commitments' then 'commitments'
            when c.table_id is not null then c.table_id
        end as pot,
        c.usage_date, c.billing_currency, c.effective_cost
    from daily_costs c
    join waste_days d on c.usage_date between d.first_day and d.last_day
    left join waste_clusters k on k.cluster_id = c.cluster_id
),
buckets as (
    select
        'bucket' as pot_kind,
        bucket_of(g.resource_id) as pot,
        a.usage_date, g.billing_currency, a.effective_cost
    from owned_atoms a
    join charge_groups g on g.group_nr = a.group_nr
    join waste_days d on a.usage_date between d.first_day and d.last_day
    where a.part = 'unmeasured' and a.method = 'storage-unmeasured'
)
select pot_kind, pot, usage_date, billing_currency, sum(effective_cost) as effective_cost
from (
    select * from costs where pot is not null
    union all
    select * from buckets where pot is not null
) parts
group by pot_kind, pot, usage_date, billing_currency
