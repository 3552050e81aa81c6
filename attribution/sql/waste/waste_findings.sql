-- One row per finding (detector, subject, currency): when it was seen, what it cost in that
-- time, what mending it saves a month (gross, cost of the fix, net, and what of it no finding
-- before it claims), whether that is cash or capacity already paid for, and what to do.
-- Key: finding_id
with claimed as (
    select finding_id, sum(asked) as asked, sum(claimed) as claimed
    from waste_claims
    group by finding_id
),
workload_places as (
    -- Where a workload's runs are, by what they held: of fixed machines nothing is saved in cash.
    select
        r.workload,
        sum(cast(r.effective_cost as double) * case when k.is_transient or k.has_spot then 1 - k.committed_share else 0 end)
            / nullif(sum(cast(r.effective_cost as double)), 0) as cash_share
    from waste_runs r
    join waste_clusters k on k.cluster_id = r.cluster_id
    group by r.workload
),
cluster_places as (
    select cluster, 1 - max(committed_share) as cash_share from waste_clusters group by cluster
),
shares as (
    select
        c.finding_id,
        sum(cast(c.claimed as double) * case c.pot_kind
            when 'workload' then coalesce(w.cash_share, 0)
            when 'cluster' then coalesce(k.cash_share, 1)
            when 'commitments' then 0
            else 1
        end) / nullif(sum(cast(c.claimed as double)), 0) as cash_share
    from waste_claims c
    left join workload_places w on c.pot_kind = 'workload' and w.workload = c.pot
    left join cluster_places k on c.pot_kind = 'cluster' and k.cluster = c.pot
    group by c.finding_id
),
days as (
    select finding_id, list(struct_pack(day := usage_date, cost := cost) order by usage_date) as series
    from (
        select c.finding_id, c.usage_date, cast(round(sum(c.asked), 4) as double) as cost
        from waste_claims c
        group by c.finding_id, c.usage_date
    ) d
    group by finding_id
)
select
    p.finding_id, p.detector, p.claim_order, p.subject_kind, p.subject, p.team, p.billing_currency,
    p.window_start, p.window_end, p.is_open, p.is_material,
    p.observed_cost, p.gross_saving, p.fix_cost, p.net_saving,
    -- The part of the month's saving that is not another finding's.
    cast(round(
        cast(p.gross_saving as double) * coalesce(cast(c.claimed as double) / nullif(cast(c.asked as double), 0), 0), 6
    ) as decimal(38, 6)) as claimed_saving,
    coalesce(s.cash_share, 1) as cash_share,
    -- Of the claimed saving, what lowers the bill.
    cast(round(
        cast(p.gross_saving as double) * coalesce(cast(c.claimed as double) / nullif(cast(c.asked as double), 0), 0)
            * coalesce(s.cash_share, 1), 6
    ) as decimal(38, 6)) as cash_saving,
    case when coalesce(s.cash_share, 1) >= 0.5 then 'cash' else 'capacity' end as saving_kind,
    p.confidence, p.evidence, cast(to_json(p.guards) as varchar) as guards, p.action,
    cast(to_json(coalesce(d.series, [])) as varchar) as series,
    -- Where what it rests on ends before the bill does: the last day that is known, and what ends.
    p.known_until, p.silent_facts
from waste_priced p
left join claimed c on c.finding_id = p.finding_id
left join shares s on s.finding_id = p.finding_id
left join days d on d.finding_id = p.finding_id
