-- One row per atom (charge group x run x table x consumer), with all that is known of its
-- group and its run: what owned_atoms holds by number. A view.
-- Key: charge_group_id, engine?, run_id?, table_id?, consumer_kind?, consumer?, part
select
    g.charge_group_id,
    g.bucket_start,
    g.bucket_hours,
    a.usage_date,
    g.billing_currency,
    g.service_name,
    g.account_id,
    g.region_id,
    g.pool,
    g.pool_rule,
    g.cluster_id,
    g.resource_id,
    g.tag_set_id,
    g.usage_type,
    r.engine,
    r.run_id,
    case when a.consumer_kind = 'workload' then a.consumer else r.workload end as workload,
    a.table_id,
    a.consumer_kind,
    a.consumer,
    a.part,
    a.method,
    a.weight,
    a.weight_total,
    a.team,
    a.owner_rule,
    a.claimed_by,
    a.category,
    a.billed_cost,
    a.effective_cost,
    a.list_cost,
    a.contracted_cost,
    a.group_nr,
    a.run_nr
from owned_atoms a
join charge_groups g on g.group_nr = a.group_nr
left join stg_runs r on r.run_nr = a.run_nr
