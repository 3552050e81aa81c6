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
    -- Up to which day it is looked at: claims of later ones rest on what nobody told.
    select
        i.* exclude (claims), z.known_until, z.silent_facts, least(d.last_day, coalesce(z.known_until, d.last_day)) as known_to,
        case when z.known_until is null then i.claims
            else list_filter(i.claims, lambda c: c.usage_date <= z.known_until) end as claims
    from waste_found i
    cross join waste_days d
    left join waste_silences z
        on z.detector = i.detector and z.subject_kind = i.subject_kind
        and z.subject = case when i.subject_kind = 'bucket' then split_part(i.subject, '/', 1) else i.subject end
),
claimed as (
    select finding_id, rate_days, unnest(claims, recursive := true) from found
),
seen as (
    select
        c.finding_id,
        min(c.usage_date) filter (where c.amount > 0) as first_seen_on,
        max(c.usage_date) filter (where c.amount > 0) as last_seen_on,
        -- A claim of no pot says since when it was watched for.
        coalesce(min(c.usage_date) filter (where c.pot is null), min(c.usage_date) filter (where c.amount > 0)) as rated_from,
        sum(c.amount) as observed_cost
    from claimed c
    group by c.finding_id
),
timed as (
    select
        s.*, l.limit_stale_days as stale_days, l.limit_floor as floor,
        coalesce(i.rate_days, l.limit_rate_days) as rate_days,
        s.last_seen_on > i.known_to - cast(l.limit_stale_days as integer) as is_open,
        -- What goes on is measured up to now, or as far as it is looked at; what is over up to its end.
        case when s.last_seen_on > i.known_to - cast(l.limit_stale_days as integer) then i.known_to else s.last_seen_on end as rate_to
    from seen s
    join found i on i.finding_id = s.finding_id
    left join waste_subjects u on u.subject_kind = i.subject_kind and u.subject = i.subject
    join limits l on l.profile = coalesce(u.profile, chr(31))
),
rated as (
    select
        t.finding_id,
        cast(round(
            cast(sum(c.amount) filter (where c.usage_date > t.rate_to - cast(t.rate_days as integer) and c.usage_date <= t.rate_to) as double)
            * 30.4375 / greatest(1, least(t.rate_days, date_diff('day', any_value(t.rated_from), any_value(t.rate_to)) + 1)), 6
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
    coalesce(r.gross_saving, 0) > cast(round(i.fix_cost, 6) as decimal(38, 6))
        and coalesce(r.gross_saving, 0) - cast(round(i.fix_cost, 6) as decimal(38, 6)) >= t.floor as is_material,
    i.confidence, cast(i.evidence as varchar) as evidence, i.guards, i.action, i.claims, i.known_until, i.silent_facts
from found i
join timed t on t.finding_id = i.finding_id
left join rated r on r.finding_id = i.finding_id
where t.observed_cost > 0
