-- One row per finding that matters, pot, UTC day and currency: what it asks for, and what it
-- may claim after those before it, so that all claims of a pot's day are at most what that cost.
-- Findings claim in this order: what takes a subject away as a whole, then what spares runs,
-- then what makes runs smaller, then bytes.
-- Key: finding_id, pot_kind, pot, usage_date
with asked as (
    select
        p.finding_id, p.claim_order, p.billing_currency, c.pot_kind, c.pot, c.usage_date, sum(c.amount) as asked
    from waste_priced p, unnest(p.claims) as u(c)
    where p.is_material and c.pot is not null
    group by all
),
ordered as (
    select
        a.*, cast(greatest(coalesce(t.effective_cost, 0), 0) as decimal(38, 12)) as pot_cost,
        coalesce(sum(a.asked) over (
            partition by a.pot_kind, a.pot, a.usage_date, a.billing_currency
            order by a.claim_order, a.finding_id
            rows between unbounded preceding and 1 preceding
        ), 0) as asked_before
    from asked a
    left join waste_pots t
        on t.pot_kind = a.pot_kind and t.pot = a.pot and t.usage_date = a.usage_date and t.billing_currency = a.billing_currency
)
select
    finding_id, pot_kind, pot, usage_date, billing_currency, pot_cost, asked,
    greatest(cast(0 as decimal(38, 12)), least(asked, pot_cost - asked_before)) as claimed
from ordered
