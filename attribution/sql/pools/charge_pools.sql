-- One row per distinct kind of billed line, and of resources and tag sets that a rule names:
-- the pool it falls into, by the first rule that matches (the configuration's own rules,
-- then pools.csv). Rules disregard case.
-- Key: charge_category, line_item_type, service_name, product_code, provider_name, usage_type, commitment_discount_status, names_commitment, is_third_party, service_category, quantity_unit, marked_resource_id, marked_tag_set_id, cluster_link
with marked as (
    select distinct resource_id, tag_set_id from charge_marks
),
kinds as (
    select distinct
        coalesce(c.charge_category, '') as charge_category,
        coalesce(c.line_item_type, '') as line_item_type,
        coalesce(c.service_name, '') as service_name,
        coalesce(c.product_code, '') as product_code,
        coalesce(c.provider_name, '') as provider_name,
        coalesce(c.usage_type, '') as usage_type,
        coalesce(c.commitment_discount_status, '') as commitment_discount_status,
        case when c.commitment_discount_id is null then 0 else 1 end as names_commitment,
        c.is_third_party,
        coalesce(c.service_category, '') as service_category,
        coalesce(c.quantity_unit, '') as quantity_unit,
        coalesce(m.resource_id, '') as marked_resource_id,
        coalesce(m.tag_set_id, '') as marked_tag_set_id,
        case
            when k.cluster_id is null or k.is_observed = 0 then 'no'
            when k.is_node = 1 then 'node'
            else 'yes'
        end as cluster_link
    from stg_charges c
    left join charge_clusters k
        on k.resource_id = coalesce(c.resource_id, '') and k.tag_set_id = coalesce(c.tag_set_id, '')
    left join marked m
        on m.resource_id = coalesce(c.resource_id, '') and m.tag_set_id = coalesce(c.tag_set_id, '')
),
numbered as (
    select row_number() over (
            order by
                k.service_name, k.usage_type, k.charge_category, k.line_item_type, k.product_code, k.provider_name,
                k.commitment_discount_status, k.names_commitment, k.is_third_party, k.service_category,
                k.quantity_unit, k.marked_resource_id, k.marked_tag_set_id, k.cluster_link
        ) as kind_nr, k.*
    from kinds k
),
-- Rules that ask for tags or resources stand in line only for those that meet them.
candidates as (
    select k.kind_nr, r.rule_nr
    from numbered k
    join rule_pools r on r.tag_key is null and r.resource is null
    union all
    select k.kind_nr, m.rule_nr
    from numbered k
    join charge_marks m on m.resource_id = k.marked_resource_id and m.tag_set_id = k.marked_tag_set_id
),
matches as (
    select
        k.kind_nr,
        r.rule_id,
        r.pool,
        r.kind,
        row_number() over (partition by k.kind_nr order by r.position, r.rule_nr) as nth
    from candidates n
    join numbered k on k.kind_nr = n.kind_nr
    join rule_pools r on r.rule_nr = n.rule_nr
    where (
            r.cluster = 'any'
            or (r.cluster = 'yes' and k.cluster_link in ('yes', 'node'))
            or (r.cluster = 'node' and k.cluster_link = 'node')
        )
        and (r.line_item_type is null or lower(k.line_item_type) like r.line_item_type escape '\')
        and (
            r.service is null
            or lower(k.service_name) like r.service escape '\'
            or lower(k.product_code) like r.service escape '\'
            or lower(k.provider_name) like r.service escape '\'
        )
        and (r.usage_type is null or lower(k.usage_type) like r.usage_type escape '\')
        and (
            r.charge is null
            or lower(k.charge_category) = r.charge
            or (r.charge = 'unused' and k.commitment_discount_status = 'Unused')
            or (r.charge = 'commitment' and k.charge_category = 'Purchase' and k.names_commitment = 1)
            or (r.charge = 'third-party' and k.is_third_party = 1)
            or (r.charge = 'third-party purchase' and k.is_third_party = 1 and k.charge_category = 'Purchase')
            or (
                r.charge = 'storage'
                and k.service_category = 'Storage'
                and k.line_item_type = ''
                and k.charge_category = 'Usage'
                and (k.quantity_unit like 'GB-Mo%' or k.quantity_unit like 'GB/Month%' or k.quantity_unit like '%Byte-Hours')
            )
        )
)
select
    k.charge_category,
    k.line_item_type,
    k.service_name,
    k.product_code,
    k.provider_name,
    k.usage_type,
    k.commitment_discount_status,
    k.names_commitment,
    k.is_third_party,
    k.service_category,
    k.quantity_unit,
    k.marked_resource_id,
    k.marked_tag_set_id,
    k.cluster_link,
    m.rule_id,
    m.pool,
    m.kind
from numbered k
join matches m on m.kind_nr = k.kind_nr and m.nth = 1
