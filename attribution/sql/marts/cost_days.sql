-- One row per UTC day, currency and combination of every dimension costs are grouped by but the
-- run: daily_costs a third as long, which a mart in use keeps in memory (mart/cube.rs).
-- Key: usage_date, billing_currency, service_name?, account_id?, region_id?, pool, category, method, team?, workload?, engine?, table_id?, consumer?, cluster_id?, tag_set_id?
select
    usage_date,
    billing_currency,
    service_name,
    account_id,
    region_id,
    pool,
    category,
    method,
    team,
    workload,
    engine,
    table_id,
    consumer,
    cluster_id,
    tag_set_id,
    sum(billed_cost) as billed_cost,
    sum(effective_cost) as effective_cost,
    sum(list_cost) as list_cost,
    sum(contracted_cost) as contracted_cost
from daily_costs
group by
    usage_date, billing_currency, service_name, account_id, region_id, pool, category, method, team, workload,
    engine, table_id, consumer, cluster_id, tag_set_id
