-- One row per charge group that only one mart has and whose lines the other has in other groups: what its lines cost in the later mart (of the earlier's groups), and whether it is in another pool for a rule.
-- Key: charge_group_id
with rules as (
    -- Pools change by rules, or by what became known of a cluster.
    select case when exists (
        (select kind, pool, cluster, charge, line_item_type, service, usage_type, tag_key, tag_value, resource
        from earlier.rule_pools
        except
        select kind, pool, cluster, charge, line_item_type, service, usage_type, tag_key, tag_value, resource
        from later.rule_pools)
        union all
        (select kind, pool, cluster, charge, line_item_type, service, usage_type, tag_key, tag_value, resource
        from later.rule_pools
        except
        select kind, pool, cluster, charge, line_item_type, service, usage_type, tag_key, tag_value, resource
        from earlier.rule_pools)
    ) then 1 else 0 end as are_other
),
lone as (
    select 'earlier' as side, charge_group_id, usage_date, line_class, cost from earlier_lines
    union all
    select 'later', charge_group_id, usage_date, line_class, cost from later_lines
)
select
    n.side,
    n.charge_group_id,
    cast(sum(
        case
            when m.line_class is null then 0
            when m.earlier_cost = m.later_cost or m.earlier_cost = 0 then n.cost
            else cast(
                cast(n.cost as double) * (cast(m.later_cost as double) / cast(m.earlier_cost as double))
                as decimal(38, 12)
            )
        end
    ) as decimal(38, 18)) as cost,
    max(case when m.earlier_pools <> m.later_pools and r.are_other = 1 then 1 else 0 end) as is_by_rule
from lone n
cross join rules r
left join moved_classes m on m.line_class = n.line_class and m.usage_date = n.usage_date
group by n.side, n.charge_group_id
having count(m.line_class) > 0
