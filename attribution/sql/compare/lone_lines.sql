-- One row per charge group that only this mart has, and class of its bill lines: lines that nothing tells apart but prices, whatever pool or cluster they were put in.
-- Key: charge_group_id, line_class
select
    g.charge_group_id,
    g.usage_date,
    g.pool || chr(31) || g.pool_rule || chr(31) || g.pool_kind as pool,
    md5(concat_ws(
        chr(31), l.source, l.billing_currency, coalesce(l.service_name, chr(30)), coalesce(l.account_id, chr(30)),
        coalesce(l.region_id, chr(30)), coalesce(l.resource_id, chr(30)), coalesce(l.tag_set_id, chr(30)),
        coalesce(l.line_item_type, chr(30)), coalesce(l.charge_category, chr(30)),
        coalesce(l.usage_type, chr(30)), coalesce(l.quantity_unit, chr(30))
    )) as line_class,
    sum(p.{cost}) as cost
from {side}_groups g
join changed_groups c on c.charge_group_id = g.charge_group_id and c.presence <> 'both'
join charge_lines l on l.group_key = g.group_key
join charge_pieces p on p.line_id = l.line_id and p.bucket_start = g.bucket_start
group by all
