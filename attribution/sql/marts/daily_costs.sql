-- One row per UTC day, currency and combination of every dimension costs are grouped by:
-- the roll-up of the atoms that every page, report and export sums from.
-- `owner_history_id` is there where another team was ever recorded as the owner.
-- Key: usage_date, billing_currency, service_name?, account_id?, region_id?, pool, category, method, team?, workload?, engine?, run_id?, table_id?, consumer_kind?, consumer?, cluster_id?, tag_set_id?, owner_history_id?
select
    a.usage_date,
    a.billing_currency,
    a.service_name,
    a.account_id,
    a.region_id,
    a.pool,
    a.category,
    a.method,
    a.team,
    a.workload,
    a.engine,
    a.run_id,
    a.table_id,
    a.consumer_kind,
    a.consumer,
    a.cluster_id,
    a.tag_set_id,
    h.owner_history_id,
    sum(a.billed_cost) as billed_cost,
    sum(a.effective_cost) as effective_cost,
    sum(a.list_cost) as list_cost,
    sum(a.contracted_cost) as contracted_cost
from atoms a
left join changed_owners h
    on h.usage_date = a.usage_date
    and h.subject = case
        when a.category = 'shared' or a.part = 'consumer' then 'none'
        when a.part = 'run' then 'run'
        when a.part = 'idle' then 'cluster'
        when a.part = 'table' then 'table'
        else 'charge'
    end
    and h.engine = case when a.part = 'run' then a.engine else '' end
    and h.run_id = case when a.part = 'run' then a.run_id else '' end
    and h.table_id = case when a.part = 'table' then a.table_id else '' end
    and h.cluster_id = case when a.part = 'idle' or a.method = 'unobserved-cluster' then a.cluster_id else '' end
    and h.tag_set_id = case when a.part in ('run', 'idle') then '' else coalesce(a.tag_set_id, '') end
    and h.resource_id = case when a.part in ('run', 'idle') then '' else coalesce(a.resource_id, '') end
    and h.account_id = case when a.part in ('run', 'idle') then '' else coalesce(a.account_id, '') end
group by
    a.usage_date, a.billing_currency, a.service_name, a.account_id, a.region_id, a.pool, a.category, a.method,
    a.team, a.workload, a.engine, a.run_id, a.table_id, a.consumer_kind, a.consumer,
    a.cluster_id, a.tag_set_id, h.owner_history_id
