-- One row per UTC day, table and currency: what it cost to store it, to produce it and to
-- maintain it, on every basis. The three add up to the table's part of the bill.
-- Key: usage_date, table_id, billing_currency
with parts as (
    select
        c.usage_date, c.table_id, c.billing_currency,
        case
            when c.category <> 'usage' then 'storage'
            when m.run_id is not null then 'maintain'
            else 'produce'
        end as part,
        c.billed_cost, c.effective_cost, c.list_cost, c.contracted_cost
    from daily_costs c
    left join run_maintenance m on m.engine = c.engine and m.run_id = c.run_id and m.table_id = c.table_id
    where c.table_id is not null
)
select
    usage_date, table_id, billing_currency,
    sum(case when part = 'storage' then billed_cost else 0 end) as storage_billed_cost,
    sum(case when part = 'storage' then effective_cost else 0 end) as storage_effective_cost,
    sum(case when part = 'storage' then list_cost else 0 end) as storage_list_cost,
    sum(case when part = 'storage' then contracted_cost else 0 end) as storage_contracted_cost,
    sum(case when part = 'produce' then billed_cost else 0 end) as produce_billed_cost,
    sum(case when part = 'produce' then effective_cost else 0 end) as produce_effective_cost,
    sum(case when part = 'produce' then list_cost else 0 end) as produce_list_cost,
    sum(case when part = 'produce' then contracted_cost else 0 end) as produce_contracted_cost,
    sum(case when part = 'maintain' then billed_cost else 0 end) as maintain_billed_cost,
    sum(case when part = 'maintain' then effective_cost else 0 end) as maintain_effective_cost,
    sum(case when part = 'maintain' then list_cost else 0 end) as maintain_list_cost,
    sum(case when part = 'maintain' then contracted_cost else 0 end) as maintain_contracted_cost
from parts
group by usage_date, table_id, billing_currency
