-- One row per finding that matters, pot, UTC day and currency: what it asks for, and what it
-- may claim after those before it. All claims of a pot's day are at most what that cost.
-- Findings that say which runs they mean meet only where they mean the same run (and, of what
-- writes a table, the same table): there the later finds its part of what the earlier leave. Of a
-- run of $10, a half and then a half claim $5 and $2.50; of two runs of $5 each, one each claims both.
-- What says no run means all of the workload's alike. Bytes of two findings are never the
-- same ones: each asks for all of its own, until the pot is empty.
-- Findings claim in this order: what takes a subject away as a whole, then what spares runs,
-- then what makes runs smaller, then bytes.
-- Key: finding_id, pot_kind, pot, usage_date
with asked as (
    select
        p.finding_id, p.claim_order, p.billing_currency, c.pot_kind, c.pot, c.usage_date, c.run_nr, c.table_id,
        sum(c.amount) as asked
    from waste_priced p, unnest(p.claims) as u(c)
    where p.is_material and c.pot is not null
    group by all
),
contested as (
    -- Days of a workload that more than one finding means: only there does it matter which runs.
    select pot, usage_date, billing_currency
    from asked
    where pot_kind = 'workload'
    group by pot, usage_date, billing_currency
    having count(distinct finding_id) > 1
),
cells as (
    select
        c.workload as pot, c.usage_date, c.billing_currency, c.run_nr, c.table_id,
        greatest(cast(sum(c.effective_cost) as double), 0) as cost
    from daily_costs c
    join contested t
        on t.pot = c.workload and t.usage_date = c.usage_date and t.billing_currency = c.billing_currency
    where c.category = 'usage' and c.run_id is not null
    group by c.workload, c.usage_date, c.billing_currency, c.run_nr, c.table_id
),
meant as (
    select a.finding_id, a.claim_order, a.asked, c.*, 0 as meant_run_nr, '' as meant_table_id
    from asked a
    join cells c on c.pot = a.pot and c.usage_date = a.usage_date and c.billing_currency = a.billing_currency
    where a.pot_kind = 'workload' and a.run_nr is null
    union all
    select a.finding_id, a.claim_order, a.asked, c.*, a.run_nr, coalesce(a.table_id, '')
    from asked a
    join cells c
        on c.pot = a.pot and c.usage_date = a.usage_date and c.billing_currency = a.billing_currency
        and c.run_nr = a.run_nr
    where a.pot_kind = 'workload' and (a.table_id is null or a.table_id = c.table_id)
),
parts as (
    -- Which part of a cell a finding asks for: the same of all that it means together.
    select
        m.*,
        least(1, coalesce(cast(m.asked as double) / nullif(sum(m.cost) over (
            partition by m.finding_id, m.pot, m.usage_date, m.billing_currency, m.meant_run_nr, m.meant_table_id
        ), 0), 0)) as part
    from meant m
),
composed as (
    select
        p.finding_id, p.pot, p.usage_date, p.billing_currency,
        p.cost * p.part * coalesce(product(1 - p.part) over (
            partition by p.pot, p.usage_date, p.billing_currency, p.run_nr, p.table_id
            order by p.claim_order, p.finding_id
            rows between unbounded preceding and 1 preceding
        ), 1) as claimed
    from parts p
),
apart as (
    -- Cut off at a millionth, so that no rounding lifts the sum over the pot.
    select finding_id, pot, usage_date, billing_currency,
        cast(floor(sum(claimed) * 1e6) / 1e6 as decimal(38, 12)) as claimed
    from composed
    group by finding_id, pot, usage_date, billing_currency
),
summed as (
    select finding_id, claim_order, billing_currency, pot_kind, pot, usage_date, sum(asked) as asked
    from asked
    group by finding_id, claim_order, billing_currency, pot_kind, pot, usage_date
),
potted as (
    select
        s.*, cast(greatest(coalesce(t.effective_cost, 0), 0) as decimal(38, 12)) as pot_cost,
        greatest(cast(coalesce(a.claimed, s.asked) as decimal(38, 12)), 0) as wanted
    from summed s
    left join waste_pots t
        on t.pot_kind = s.pot_kind and t.pot = s.pot and t.usage_date = s.usage_date and t.billing_currency = s.billing_currency
    left join apart a
        on s.pot_kind = 'workload' and a.finding_id = s.finding_id and a.pot = s.pot and a.usage_date = s.usage_date
        and a.billing_currency = s.billing_currency
),
stacked as (
    select
        p.*,
        sum(p.wanted) over (
            partition by p.pot_kind, p.pot, p.usage_date, p.billing_currency order by p.claim_order, p.finding_id
            rows between unbounded preceding and current row
        ) as wanted_up_to
    from potted p
)
select
    finding_id, pot_kind, pot, usage_date, billing_currency, pot_cost, asked,
    cast(least(wanted_up_to, pot_cost) - least(wanted_up_to - wanted, pot_cost) as decimal(38, 12)) as claimed
from stacked
