-- One row per billed line: its pool, its cluster, the length of the time buckets it is cut
-- into, and the key of the charge groups its pieces fall into: lines of equal keys are told
-- apart by nothing but prices (source, currency, service, account, region, pool and its rule,
-- cluster, resource, tag set, line type, category, usage type and unit).
-- Key: line_id
with marked as (
    select distinct resource_id, tag_set_id from charge_marks
)
select
    c.line_id,
    c.source,
    c.source_file,
    c.source_line,
    c.billing_period_start,
    c.billing_period_end,
    c.charge_period_start,
    c.charge_period_end,
    c.billing_currency,
    c.billed_cost,
    c.effective_cost,
    c.list_cost,
    c.contracted_cost,
    c.charge_category,
    c.account_id,
    c.service_name,
    c.region_id,
    c.resource_id,
    c.tag_set_id,
    c.line_item_type,
    c.usage_type,
    c.quantity,
    c.quantity_unit,
    p.pool,
    p.rule_id as pool_rule,
    p.kind as pool_kind,
    k.cluster_id,
    coalesce(k.is_node, 0) as is_node,
    coalesce(k.is_observed, 0) as is_observed,
    case when p.kind in ('compute', 'overhead') then 1 else 24 end as bucket_hours,
    md5(concat_ws(
        chr(31),
        c.source,
        c.billing_currency,
        coalesce(c.service_name, chr(30)),
        coalesce(c.account_id, chr(30)),
        coalesce(c.region_id, chr(30)),
        p.pool,
        p.rule_id,
        p.kind,
        coalesce(k.cluster_id, chr(30)),
        -- Disks and network follow the split of their cluster, whichever node they belong to
        -- and whatever of them was used: the lines say that.
        case when p.kind = 'overhead' then chr(29) else coalesce(c.resource_id, chr(30)) end,
        coalesce(c.tag_set_id, chr(30)),
        case when p.kind = 'overhead' then chr(29) else coalesce(c.line_item_type, chr(30)) end,
        coalesce(c.charge_category, chr(30)),
        case when p.kind = 'overhead' then chr(29) else coalesce(c.usage_type, chr(30)) end,
        case when p.kind = 'overhead' then chr(29) else coalesce(c.quantity_unit, chr(30)) end
    )) as group_key
from stg_charges c
left join charge_clusters k
    on k.resource_id = coalesce(c.resource_id, '') and k.tag_set_id = coalesce(c.tag_set_id, '')
left join marked m
    on m.resource_id = coalesce(c.resource_id, '') and m.tag_set_id = coalesce(c.tag_set_id, '')
join charge_pools p
    on p.charge_category = coalesce(c.charge_category, '')
    and p.line_item_type = coalesce(c.line_item_type, '')
    and p.service_name = coalesce(c.service_name, '')
    and p.product_code = coalesce(c.product_code, '')
    and p.provider_name = coalesce(c.provider_name, '')
    and p.usage_type = coalesce(c.usage_type, '')
    and p.commitment_discount_status = coalesce(c.commitment_discount_status, '')
    and p.names_commitment = case when c.commitment_discount_id is null then 0 else 1 end
    and p.is_third_party = c.is_third_party
    and p.service_category = coalesce(c.service_category, '')
    and p.quantity_unit = coalesce(c.quantity_unit, '')
    and p.marked_resource_id = coalesce(m.resource_id, '')
    and p.marked_tag_set_id = coalesce(m.tag_set_id, '')
    and p.cluster_link = case
        when k.cluster_id is null or k.is_observed = 0 then 'no'
        when k.is_node = 1 then 'node'
        else 'yes'
    end
