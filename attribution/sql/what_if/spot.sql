-- Answers what a part of on-demand workers on spot would save: one row per cluster (by name) and
-- currency. Saving = cost of on-demand workers x part x (1 - spot price / their price), both by the bill;
-- cost of the fix = what is run again: part x cost x rerun rate x spot price / their price.
-- Machines that would cost as much on spot stay what they are; a cluster without workers on demand in the last days
-- needs no setting.
with machines as (
    select
        g.billing_currency, k.cluster, n.instance_type, n.market,
        cast(sum(g.effective_cost) as double) as cost, cast(sum(g.quantity) as double) as hours, max(g.usage_date) as last_on
    from charge_groups g
    join stg_nodes n on n.resource_id = g.resource_id
    join waste_clusters k on k.cluster_id = g.cluster_id
    join looked d on g.usage_date between d.first_day and d.last_day
    where g.is_node = 1 and g.quantity > 0 and n.role <> 'master'
    group by all
),
spot as (
    select billing_currency, instance_type, sum(cost) / sum(hours) as hour_price
    from machines where market = 'spot' group by all
),
any_spot as (
    -- Where a type was never had on spot: what spot costs of on demand, over types with both.
    select s.billing_currency, sum(s.hour_price * o.hours) / sum(o.cost) as part
    from spot s
    join machines o on o.billing_currency = s.billing_currency and o.instance_type = s.instance_type and o.market <> 'spot'
    group by s.billing_currency
),
priced as (
    select
        m.*, l.number['spot-able.rerun_rate'] as rerun_rate, list_has_any(l.tags, l.words['spot-able.critical_tags']) as is_critical, s.hour_price is not null as is_bought,
        coalesce(s.hour_price, v.part * m.cost / m.hours) / nullif(m.cost / m.hours, 0) as spot_part
    from machines m
    join limits l on l.subject_kind = 'cluster' and l.subject = m.cluster
    left join spot s on s.billing_currency = m.billing_currency and s.instance_type = m.instance_type
    left join any_spot v on v.billing_currency = m.billing_currency
    where m.market <> 'spot'
),
streams as (
    select distinct k.cluster
    from waste_clusters k
    join run_owners o on o.cluster_id = k.cluster_id
    where o.engine = 'flink'
)
select
    p.cluster as subject, p.billing_currency,
    sum(p.cost) / any_value(b.days) * 30.4375 as cost,
    sum(case when p.spot_part * (1 + p.rerun_rate) < 1 then p.cost * (1 - p.spot_part) else 0 end)
        / any_value(b.days) * 30.4375 * any_value(z.value) / 100 as saving,
    sum(case when p.spot_part * (1 + p.rerun_rate) < 1 then p.cost * p.spot_part * p.rerun_rate else 0 end)
        / any_value(b.days) * 30.4375 * any_value(z.value) / 100 as fix_cost,
    format('{:,}', cast(round(sum(p.hours)) as bigint)) || ' on-demand hours of workers'
        || case when p.cluster in (select cluster from streams) then '; streams run on it' else '' end
        || case when bool_or(p.is_critical) then '; its tags say that it is critical' else '' end
        || case when not bool_and(p.is_bought) then '; spot prices of other types where its own was never bought' else '' end as note
from priced p
cross join setting z
cross join looked b
group by p.cluster, p.billing_currency
having max(p.last_on) > any_value(b.stale_on)
