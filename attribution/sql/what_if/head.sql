-- What every setting is tried with, before the query that answers: its value, the days it is tried on, and
-- thresholds and tags of every subject.
setting as (
    select cast(? as double) as value
),
looked as (
    -- The days of a monthly rate; what was last seen before `stale_on`, or on it, is mended and needs no setting.
    select
        r.first_day, r.last_day, date_diff('day', r.first_day, r.last_day) + 1 as days,
        r.stale_days, cast(r.last_day - r.stale_days as date) as stale_on
    from (
        select
            greatest(d.first_day, cast(d.last_day - (cast(l.number['general.rate_days'] as integer) - 1) as date)) as first_day,
            d.last_day, cast(l.number['general.stale_days'] as integer) as stale_days
        from waste_days d
        join waste_limits l on l.profile = chr(31)
    ) r
),
limits as (
    select
        s.subject_kind, s.subject, any_value(s.tags) as tags, any_value(l.number) as number, any_value(l.words) as words
    from waste_subjects s
    join waste_limits l on l.profile = s.profile
    group by s.subject_kind, s.subject
)
