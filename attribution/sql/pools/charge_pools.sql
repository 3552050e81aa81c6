-- One row per distinct kind of billed line: the pool it falls into, by the first rule
-- that matches (pools.csv, then the configuration's own rules before it).
-- Key: charge_category, line_item_type, service_name, usage_type, commitment_discount_status, service_category, quantity_unit, cluster_link
with kinds as (
    select distinct
        coalesce(c.charge_category, '') as charge_category,
        coalesce(c.line_item_type, '') as line_item_type,
        coalesce(c.service_name, '') as service_name,
        coalesce(c.usage_type, '') as usage_type,
        coalesce(c.commitment_discount_status, '') as commitment_discount_status,
        coalesce(c.service_category, '') as service_category,
        coalesce(c.quantity_unit, '') as quantity_unit,
        case
            when k.cluster_id is null or k.is_observed = 0 then 'no'
            when k.is_node = 1 then 'node'
            else 'yes'
        end as cluster_link
    from stg_charges c
    left join charge_clusters k
        on k.resource_id = coalesce(c.resource_id, '') and k.tag_set_id = coalesce(c.tag_set_id, '')
),
matches as (
    select
        k.*,
        r.rule_id,
        r.pool,
        r.kind,
        row_number() over (
            partition by
                k.charge_category, k.line_item_type, k.service_name, k.usage_type,
                k.commitment_discount_status, k.service_category, k.quantity_unit, k.cluster_link
            order by r.position
        ) as nth
    from kinds k
    join rule_pools r
        on (
            r.cluster = 'any'
            or (r.cluster = 'yes' and k.cluster_link in ('yes', 'node'))
            or (r.cluster = 'node' and k.cluster_link = 'node')
        )
        and (r.line_item_type is null or k.line_item_type like r.line_item_type escape '\')
        and (r.service is null or k.service_name like r.service escape '\')
        and (r.usage_type is null or k.usage_type like r.usage_type escape '\')
        and (
            r.charge_category is null
            or k.charge_category = r.charge_category
            or (r.charge_category = 'unused' and k.commitment_discount_status = 'Unused')
            or (
                r.charge_category = 'storage'
                and k.service_category = 'Storage'
                and k.line_item_type = ''
                and k.charge_category = 'Usage'
                and (k.quantity_unit like 'GB-Mo%' or k.quantity_unit like 'GB/Month%' or k.quantity_unit like '%Byte-Hours')
            )
        )
)
select
    charge_category,
    line_item_type,
    service_name,
    usage_type,
    commitment_discount_status,
    service_category,
    quantity_unit,
    cluster_link,
    rule_id,
    pool,
    kind
from matches
where nth = 1
