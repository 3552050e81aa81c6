-- One row per atom of a changed group in one mart: its cost, its group in the comparison (`key`), whether the filters leave it, and whom ownership is resolved for.
-- Key: charge_group_id, engine?, run_id?, table_id?, consumer_kind?, consumer?, part
select
    c.charge_group_id, c.usage_date, c.bucket_start, c.billing_currency, c.service_name, c.usage_type,
    c.account_id, c.region_id, c.pool, c.cluster_id, c.resource_id, c.tag_set_id,
    c.engine, c.run_id, c.workload, c.table_id, c.consumer_kind, c.consumer, c.part, c.method, c.category,
    c.team, c.owner_rule, c.weight, c.weight_total,
    c.{cost} as cost,
    {key} as key,
    {asked} as is_asked,
    {subject} as subject
from atoms c
where {days} and c.charge_group_id in (select charge_group_id from changed_groups)
