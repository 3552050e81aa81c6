-- One row per charge group: bill lines of one time bucket that only their prices tell
-- apart (source, service, account, region, pool and its rule, cluster, resource, tag set, line type and
-- usage type). The atom of allocation is charge group x run x table.
with keyed as (
    select
        l.source,
        l.billing_currency,
        l.service_name,
        l.account_id,
        l.region_id,
        l.pool,
        l.pool_rule,
        l.pool_kind,
        l.cluster_id,
        l.is_node,
        l.is_observed,
        l.resource_id,
        l.tag_set_id,
        l.line_item_type,
        l.charge_category,
        l.usage_type,
        l.quantity_unit,
        l.bucket_hours,
        p.bucket_start,
        p.billed_cost,
        p.effective_cost,
        p.list_cost,
        p.contracted_cost,
        p.quantity,
        md5(concat_ws(
            chr(31),
            cast(p.bucket_start as varchar),
            cast(l.bucket_hours as varchar),
            l.source,
            l.billing_currency,
            coalesce(l.service_name, chr(30)),
            coalesce(l.account_id, chr(30)),
            coalesce(l.region_id, chr(30)),
            l.pool,
            l.pool_rule,
            l.pool_kind,
            coalesce(l.cluster_id, chr(30)),
            coalesce(l.resource_id, chr(30)),
            coalesce(l.tag_set_id, chr(30)),
            coalesce(l.line_item_type, chr(30)),
            coalesce(l.charge_category, chr(30)),
            coalesce(l.usage_type, chr(30)),
            coalesce(l.quantity_unit, chr(30))
        )) as charge_group_id
    from charge_pieces p
    join charge_lines l
        on l.source = p.source and l.source_file = p.source_file and l.source_line = p.source_line
)
select
    charge_group_id,
    min(bucket_start) as bucket_start,
    min(bucket_hours) as bucket_hours,
    cast(min(bucket_start) as date) as usage_date,
    min(source) as source,
    min(billing_currency) as billing_currency,
    min(service_name) as service_name,
    min(account_id) as account_id,
    min(region_id) as region_id,
    min(pool) as pool,
    min(pool_rule) as pool_rule,
    min(pool_kind) as pool_kind,
    min(cluster_id) as cluster_id,
    max(is_node) as is_node,
    max(is_observed) as is_observed,
    min(resource_id) as resource_id,
    min(tag_set_id) as tag_set_id,
    min(line_item_type) as line_item_type,
    min(charge_category) as charge_category,
    min(usage_type) as usage_type,
    min(quantity_unit) as quantity_unit,
    sum(quantity) as quantity,
    count(*) as pieces,
    sum(billed_cost) as billed_cost,
    sum(effective_cost) as effective_cost,
    sum(list_cost) as list_cost,
    sum(contracted_cost) as contracted_cost
from keyed
group by charge_group_id
