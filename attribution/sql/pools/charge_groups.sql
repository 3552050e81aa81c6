-- One row per charge group: pieces of bill lines of one time bucket that only their prices
-- tell apart (charge_lines.group_key). The atom of allocation is charge group x run x table.
-- Key: charge_group_id
-- Key: group_nr
with summed as (
    select
        l.group_key,
        p.bucket_start,
        min(p.line_id) as first_line_id,
        sum(p.quantity) as quantity,
        count(*) as pieces,
        sum(p.billed_cost) as billed_cost,
        sum(p.effective_cost) as effective_cost,
        sum(p.list_cost) as list_cost,
        sum(p.contracted_cost) as contracted_cost
    from charge_pieces p
    join charge_lines l on l.line_id = p.line_id
    group by l.group_key, p.bucket_start
)
select
    md5(concat_ws(chr(31), s.group_key, cast(s.bucket_start as varchar))) as charge_group_id,
    -- The number by which allocation knows the group, of this mart only: no other group has
    -- both this first line and this hour (hours since 1970 have six digits until 2084).
    s.first_line_id * 1000000 + cast(floor(unix_seconds(s.bucket_start) / 3600) as bigint) as group_nr,
    s.group_key,
    s.bucket_start,
    l.bucket_hours,
    cast(s.bucket_start as date) as usage_date,
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
    case when l.pool_kind = 'overhead' then null else l.resource_id end as resource_id,
    l.tag_set_id,
    case when l.pool_kind = 'overhead' then null else l.line_item_type end as line_item_type,
    l.charge_category,
    case when l.pool_kind = 'overhead' then null else l.usage_type end as usage_type,
    case when l.pool_kind = 'overhead' then null else l.quantity_unit end as quantity_unit,
    case when l.pool_kind = 'overhead' then null else s.quantity end as quantity,
    s.pieces,
    s.billed_cost,
    s.effective_cost,
    s.list_cost,
    s.contracted_cost
from summed s
join charge_lines l on l.line_id = s.first_line_id
