-- One row per UTC day, table and currency with a cost passed on to it: what the tables it was
-- made of cost, by the bytes read of them, and those they were made of. Not additive: the same
-- cost stands at each table on its way. How it is passed on: attribution/src/lineage.rs.
-- Key: usage_date, table_id, billing_currency
select
    cast(usage_date as date) as usage_date,
    table_id,
    billing_currency,
    cast(billed_cost as decimal(38, 18)) as billed_cost,
    cast(effective_cost as decimal(38, 18)) as effective_cost,
    cast(list_cost as decimal(38, 18)) as list_cost,
    cast(contracted_cost as decimal(38, 18)) as contracted_cost
from upstream_parts
