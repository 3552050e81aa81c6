-- Answers what a part of on-demand workers on spot would save: one row per cluster (by name) and
-- currency. Saving = cost of on-demand workers x part x (1 - 1.02 x spot price / their price), both by the bill.
with machines as (
    select
        g.billing_currency, k.cluster, n.instance_type, n.market,
        cast(sum(g.effective_cost) as double) as cost, cast(sum(g.quantity) as double) as hours
    from charge_groups g
    join stg_nodes n on n.resource_id = g.resource_id
    join waste_clusters k on k.cluster_id = g.cluster_id
    join waste_days d on g.usage_date between d.first_day and d.last_day
    where g.is_node = 1 and g.quantity > 0 and n.role <> 'master'
    group by all
),
spot as (
    select billing_currency, instance_type, sum(cost) / sum(hours) as hour_price
    from machines where market = 'spot' group by all
),
any_spot as (
    select s.billing_currency, sum(s.hour_price * o.hours) / sum(o.cost) as part
    from spot s
    join machines o on o.billing_currency = s.billing_currency and o.instance_type = s.instance_type and o.market <> 'spot'
    group by s.billing_currency
)
select
    m.cluster as subject, m.billing_currency,
    sum(m.cost) / any_value(b.days) * 30.4375 as cost,
    sum(m.cost * greatest(0, 1 - 1.02 * coalesce(s.hour_price, v.part * m.cost / m.hours) / (m.cost / m.hours)))
        / any_value(b.days) * 30.4375 * (select value / 100 from setting) as saving,
    cast(round(sum(m.hours)) as bigint) || ' on-demand hours of workers'
        || case when bool_or(m.cluster in (select k.cluster from waste_clusters k join stg_runs r on r.cluster_id = k.cluster_id where r.engine = 'flink'))
            then '; streams run on it' else '' end
        || case when count(s.hour_price) < count(*) then '; spot prices of other types where its own was never bought' else '' end as note
from machines m
left join spot s on s.billing_currency = m.billing_currency and s.instance_type = m.instance_type
left join any_spot v on v.billing_currency = m.billing_currency
cross join (select date_diff('day', first_day, last_day) + 1 as days from waste_days) b
where m.market <> 'spot'
group by m.cluster, m.billing_currency
