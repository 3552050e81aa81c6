-- One row per finding (detector, subject, currency): when it was seen, what it cost in that
-- time, and what it comes to in a month.
-- Key: finding_id
with limits as (
    select
        profile,
        number['general.stale_days'] as limit_stale_days,
        number['general.floor'] as limit_floor,
        number['general.rate_days'] as limit_rate_days
    from waste_limits
),
found as (
    select 1 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from idle_cluster
    union all
    select 2 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from keep_alive
    union all
    select 3 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from unused_table
    union all
    select 4 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from duplicate_table
    union all
    select 5 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from no_op_schedule
    union all
    select 6 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from failed_retried
    union all
    select 7 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from interrupted_spot
    union all
    select 8 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from lookback_reprocess
    union all
    select 9 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from over_fresh
    union all
    select 10 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from cacheable_queries
    union all
    select 11 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from wrong_engine
    union all
    select 12 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from spot_able
    union all
    select 13 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from over_provisioned
    union all
    select 14 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from skew
    union all
    select 15 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from spill
    union all
    select 16 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from uncompacted
    union all
    select 17 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from delete_bloat
    union all
    select 18 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from over_partitioning
    union all
    select 19 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from tiny_commits
    union all
    select 20 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from metadata_bloat
    union all
    select 21 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from cow_amplification
    union all
    select 22 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from incomplete_uploads
    union all
    select 23 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from orphan_files
    union all
    select 24 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from unexpired_snapshots
    union all
    select 25 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from partition_ttl
    union all
    select 26 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from storage_class
    union all
    select 27 as claim_order, detector, subject_kind, subject, team, billing_currency, fix_cost, rate_days, confidence, evidence, guards, action, claims from unused_commitment
),
identified as (
    select
        substr(md5(concat_ws(chr(31), detector, subject_kind, subject, billing_currency)), 1, 12) as finding_id, f.*
    from found f
),
claimed as (
    select finding_id, rate_days, unnest(claims, recursive := true) from identified
),
seen as (
    select
        c.finding_id,
        min(c.usage_date) filter (where c.amount > 0) as first_seen_on,
        max(c.usage_date) filter (where c.amount > 0) as last_seen_on,
        sum(c.amount) as observed_cost
    from claimed c
    group by c.finding_id
),
timed as (
    select
        s.*, l.limit_stale_days as stale_days, l.limit_floor as floor,
        coalesce(i.rate_days, l.limit_rate_days) as rate_days,
        s.last_seen_on > d.last_day - cast(l.limit_stale_days as integer) as is_open,
        -- What goes on is measured up to now, what is over up to its end.
        case when s.last_seen_on > d.last_day - cast(l.limit_stale_days as integer) then d.last_day else s.last_seen_on end as rate_to
    from seen s
    join identified i on i.finding_id = s.finding_id
    cross join waste_days d
    left join waste_subjects u on u.subject_kind = i.subject_kind and u.subject = i.subject
    join limits l on l.profile = coalesce(u.profile, chr(31))
),
rated as (
    select
        t.finding_id,
        cast(round(
            cast(sum(c.amount) filter (where c.usage_date > t.rate_to - cast(t.rate_days as integer) and c.usage_date <= t.rate_to) as double)
            * 30.4375 / greatest(1, least(t.rate_days, date_diff('day', any_value(t.first_seen_on), any_value(t.rate_to)) + 1)), 6
        ) as decimal(38, 6)) as gross_saving
    from timed t
    join claimed c on c.finding_id = t.finding_id
    group by t.finding_id, t.rate_days, t.rate_to
)
select
    i.finding_id, i.detector, i.claim_order, i.subject_kind, i.subject, i.team, i.billing_currency,
    t.first_seen_on as window_start, cast(t.last_seen_on + 1 as date) as window_end, t.is_open,
    t.observed_cost,
    coalesce(r.gross_saving, 0) as gross_saving,
    cast(round(i.fix_cost, 6) as decimal(38, 6)) as fix_cost,
    coalesce(r.gross_saving, 0) - cast(round(i.fix_cost, 6) as decimal(38, 6)) as net_saving,
    coalesce(r.gross_saving, 0) > cast(round(i.fix_cost, 6) as decimal(38, 6)) and coalesce(r.gross_saving, 0) >= t.floor as is_material,
    i.confidence, cast(i.evidence as varchar) as evidence, i.guards, i.action, i.claims
from identified i
join timed t on t.finding_id = i.finding_id
left join rated r on r.finding_id = i.finding_id
where t.observed_cost > 0
