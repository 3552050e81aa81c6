-- Any row is a day and currency in which the parts of tables, or the reads of runs, are not the sum of the costs they are of.
with known as (
    select
        usage_date, billing_currency, 'tables' as what,
        sum(billed_cost) as billed, sum(effective_cost) as effective,
        sum(list_cost) as list, sum(contracted_cost) as contracted
    from daily_costs
    where table_id is not null
    group by usage_date, billing_currency
    union all
    select
        usage_date, billing_currency, 'reads',
        sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
    from daily_costs d
    where exists (
        select 1 from stg_run_tables t
        where t.access = 'read' and t.engine = d.engine and t.run_id = d.run_id
            and not exists (
                select 1 from stg_run_outputs o
                where o.engine = t.engine and o.run_id = t.run_id and o.table_id = t.table_id
            )
    )
    group by usage_date, billing_currency
),
found as (
    select
        usage_date, billing_currency, 'tables' as what,
        sum(storage_billed_cost + produce_billed_cost + maintain_billed_cost) as billed,
        sum(storage_effective_cost + produce_effective_cost + maintain_effective_cost) as effective,
        sum(storage_list_cost + produce_list_cost + maintain_list_cost) as list,
        sum(storage_contracted_cost + produce_contracted_cost + maintain_contracted_cost) as contracted
    from table_costs
    group by usage_date, billing_currency
    union all
    select
        usage_date, billing_currency, 'reads',
        sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
    from table_reads
    group by usage_date, billing_currency
)
select
    coalesce(k.usage_date, f.usage_date) as usage_date,
    coalesce(k.billing_currency, f.billing_currency) as billing_currency,
    coalesce(k.what, f.what) as what,
    k.effective as known_effective,
    f.effective as found_effective
from known k
full outer join found f
    on f.usage_date = k.usage_date and f.billing_currency = k.billing_currency and f.what = k.what
where k.what is null
    or f.what is null
    or k.billed is distinct from f.billed
    or k.effective is distinct from f.effective
    or k.list is distinct from f.list
    or k.contracted is distinct from f.contracted
