-- One row per UTC day, currency and combination of every dimension costs are grouped by:
-- the roll-up of the atoms that every page, report and export sums from.
-- Key: usage_date, billing_currency, service_name?, account_id?, region_id?, pool, category, method, team?, workload?, engine?, run_id?, table_id?, cluster_id?, tag_set_id?
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
    run_id,
    table_id,
    cluster_id,
    tag_set_id,
    sum(billed_cost) as billed_cost,
    sum(effective_cost) as effective_cost,
    sum(list_cost) as list_cost,
    sum(contracted_cost) as contracted_cost
from atoms
group by
    usage_date, billing_currency, service_name, account_id, region_id, pool, category, method, team,
    workload, engine, run_id, table_id, cluster_id, tag_set_id
