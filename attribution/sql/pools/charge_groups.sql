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
),
named as (
    select
        md5(concat_ws(chr(31), s.group_key, cast(unix_seconds(s.bucket_start) as varchar))) as charge_group_id,
        s.*
    from summed s
),
hashed as (
    select cast(conv(substr(n.charge_group_id, 1, 15), 16, 10) as bigint) as hash, n.*
    from named n
),
clashes as (
    select h.charge_group_id, row_number() over (partition by h.hash order by h.charge_group_id) - 1 as nth
    from hashed h
    join (select hash from hashed group by hash having count(*) > 1) c on c.hash = h.hash
)
select
    n.charge_group_id,
    -- The number by which allocation knows the group: the first 60 bits of its id, and 3 that
    -- tell equal ones apart.
    n.hash * 8 + coalesce(c.nth, 0) as group_nr,
    n.group_key,
    n.bucket_start,
    l.bucket_hours,
    cast(n.bucket_start as date) as usage_date,
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
    case when l.pool_kind = 'overhead' then null else n.quantity end as quantity,
    n.pieces,
    n.billed_cost,
    n.effective_cost,
    n.list_cost,
    n.contracted_cost
from hashed n
left join clashes c on c.charge_group_id = n.charge_group_id
join charge_lines l on l.line_id = n.first_line_id
