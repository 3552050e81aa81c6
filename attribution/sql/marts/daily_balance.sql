-- One row per UTC day, service, currency and basis: what was charged, the six places it
-- went to and the difference, which is 0. Charged comes from the bill's lines, the rest
-- from the atoms.
-- Key: usage_date, service_name, billing_currency, basis
with line_parts as (
    select cast(p.bucket_start as date) as usage_date, l.service_name, l.billing_currency, p.*
    from charge_pieces p
    join charge_lines l on l.line_id = p.line_id
),
charged as (
    select usage_date, service_name, billing_currency, 'billed' as basis, sum(billed_cost) as charged
    from line_parts
    group by usage_date, service_name, billing_currency
    union all
    select usage_date, service_name, billing_currency, 'effective' as basis, sum(effective_cost) as charged
    from line_parts
    group by usage_date, service_name, billing_currency
    union all
    select usage_date, service_name, billing_currency, 'list' as basis, sum(list_cost) as charged
    from line_parts
    group by usage_date, service_name, billing_currency
    union all
    select usage_date, service_name, billing_currency, 'contracted' as basis, sum(contracted_cost) as charged
    from line_parts
    group by usage_date, service_name, billing_currency
),
atom_costs_by_basis as (
    select usage_date, service_name, billing_currency, category, 'billed' as basis, billed_cost as cost
    from atoms
    union all
    select usage_date, service_name, billing_currency, category, 'effective' as basis, effective_cost as cost
    from atoms
    union all
    select usage_date, service_name, billing_currency, category, 'list' as basis, list_cost as cost
    from atoms
    union all
    select usage_date, service_name, billing_currency, category, 'contracted' as basis, contracted_cost as cost
    from atoms
),
allocated as (
    select
        usage_date,
        service_name,
        billing_currency,
        basis,
        sum(case when category = 'direct' then cost else 0 end) as direct,
        sum(case when category = 'usage' then cost else 0 end) as usage,
        sum(case when category = 'storage' then cost else 0 end) as storage,
        sum(case when category = 'shared' then cost else 0 end) as shared,
        sum(case when category = 'idle' then cost else 0 end) as idle,
        sum(case when category = 'unallocated' then cost else 0 end) as unallocated
    from atom_costs_by_basis
    group by usage_date, service_name, billing_currency, basis
)
select
    coalesce(c.usage_date, a.usage_date) as usage_date,
    coalesce(c.service_name, a.service_name, '(none)') as service_name,
    coalesce(c.billing_currency, a.billing_currency) as billing_currency,
    coalesce(c.basis, a.basis) as basis,
    coalesce(c.charged, 0) as charged,
    coalesce(a.direct, 0) as direct,
    coalesce(a.usage, 0) as usage,
    coalesce(a.storage, 0) as storage,
    coalesce(a.shared, 0) as shared,
    coalesce(a.idle, 0) as idle,
    coalesce(a.unallocated, 0) as unallocated,
    coalesce(c.charged, 0) - coalesce(a.direct + a.usage + a.storage + a.shared + a.idle + a.unallocated, 0) as difference
from charged c
full outer join allocated a
    on a.usage_date = c.usage_date
    and coalesce(a.service_name, '(none)') = coalesce(c.service_name, '(none)')
    and a.billing_currency = c.billing_currency
    and a.basis = c.basis
