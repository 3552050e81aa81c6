-- One row per UTC day, service, currency and basis: what was charged, the six places it
-- went to and the difference, which is 0. Charged comes from the bill's lines, the rest
-- from the atoms.
-- Key: usage_date, service_name, billing_currency, basis
with charged as (
    -- From the pieces of the bill's lines, not from what was made of them.
    select
        cast(p.bucket_start as date) as usage_date, l.service_name, l.billing_currency,
        sum(p.billed_cost) as billed, sum(p.effective_cost) as effective,
        sum(p.list_cost) as list, sum(p.contracted_cost) as contracted
    from charge_pieces p
    join charge_lines l on l.line_id = p.line_id
    group by cast(p.bucket_start as date), l.service_name, l.billing_currency
),
atom_sums as (
    select
        a.usage_date, g.service_name, g.billing_currency, a.category,
        sum(a.billed_cost) as billed, sum(a.effective_cost) as effective,
        sum(a.list_cost) as list, sum(a.contracted_cost) as contracted
    from owned_atoms a
    join charge_groups g on g.group_nr = a.group_nr
    group by a.usage_date, g.service_name, g.billing_currency, a.category
),
bases as (
    select unnest(['billed', 'effective', 'list', 'contracted']) as basis
),
charged_by_basis as (
    select
        c.usage_date, c.service_name, c.billing_currency, b.basis,
        case b.basis when 'billed' then c.billed when 'effective' then c.effective
            when 'list' then c.list else c.contracted end as charged
    from charged c
    cross join bases b
),
allocated as (
    select
        s.usage_date, s.service_name, s.billing_currency, b.basis, s.category,
        case b.basis when 'billed' then s.billed when 'effective' then s.effective
            when 'list' then s.list else s.contracted end as cost
    from atom_sums s
    cross join bases b
),
by_category as (
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
    from allocated
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
from charged_by_basis c
full outer join by_category a
    on a.usage_date = c.usage_date
    and coalesce(a.service_name, '(none)') = coalesce(c.service_name, '(none)')
    and a.billing_currency = c.billing_currency
    and a.basis = c.basis
