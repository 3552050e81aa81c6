-- One row per currency: what one request cost by the bill's own lines, of the class of PUT
-- and of that of GET.
-- Key: billing_currency
select
    g.billing_currency,
    coalesce(
        cast(sum(g.effective_cost) filter (where g.usage_type like '%Requests-Tier1') as double)
        / nullif(cast(sum(g.quantity) filter (where g.usage_type like '%Requests-Tier1') as double), 0),
        0
    ) as put_price,
    coalesce(
        cast(sum(g.effective_cost) filter (where g.usage_type like '%Requests-Tier2') as double)
        / nullif(cast(sum(g.quantity) filter (where g.usage_type like '%Requests-Tier2') as double), 0),
        0
    ) as get_price
from charge_groups g
join waste_days d on g.usage_date between d.first_day and d.last_day
group by g.billing_currency
