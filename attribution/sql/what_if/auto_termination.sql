-- Answers what ending idle clusters would save: one row per cluster (by name) and currency. Saving
-- = hours of gaps between runs beyond the minutes x what an hour of it costs at its cheapest tenth;
-- cost of the fix = as often as a run follows such a gap, the minutes a cluster takes to start. One that has
-- ended needs no end. Days are those the logs of what runs on it tell of: a gap after them is none that is known.
with known as (
    -- Up to where the logs of what runs on a cluster tell.
    select k.*, d.first_day, least(d.last_day, coalesce(z.known_until, d.last_day)) as known_to, d.stale_on
    from waste_clusters k
    cross join looked d
    left join waste_silences z
        on z.detector = 'idle-cluster' and z.subject_kind = 'cluster' and z.subject = k.cluster
    where not k.is_transient
),
lives as (
    select
        cluster_id, cluster, first_day, known_to,
        greatest(started_at, cast(first_day as timestamp)) as from_at,
        least(coalesce(ended_at, cast(known_to + 1 as timestamp)), cast(known_to + 1 as timestamp)) as to_at
    from known
    where (ended_at is null or cast(ended_at as date) > stale_on) and known_to >= first_day
),
spans as (
    select v.cluster_id, r.started_at as from_at, coalesce(r.ended_at, v.to_at) as to_at, true as is_run
    from lives v
    join run_owners o on o.cluster_id = v.cluster_id
    join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    where coalesce(r.ended_at, v.to_at) > v.from_at and r.started_at < v.to_at
    union all
    -- Its own end closes the last gap.
    select cluster_id, to_at, to_at, false from lives
),
gaps as (
    select
        s.cluster_id, s.is_run,
        (epoch(s.from_at) - epoch(greatest(v.from_at, coalesce(
            max(s.to_at) over (
                partition by s.cluster_id order by s.from_at, s.is_run desc
                rows between unbounded preceding and 1 preceding
            ), v.from_at
        )))) / 60 as minutes
    from spans s
    join lives v on v.cluster_id = s.cluster_id
),
summed as (
    select
        g.cluster_id, count(*) as gaps, count(*) filter (where g.is_run) as starts,
        sum(g.minutes - z.value) / 60 as hours
    from gaps g
    cross join setting z
    where g.minutes > z.value
    group by g.cluster_id
),
prices as (
    select cluster_id, billing_currency, quantile_cont(cost, 0.1) as hour_cost, sum(cost) as cost
    from (
        select g.cluster_id, g.billing_currency, g.bucket_start, cast(sum(g.effective_cost) as double) as cost
        from charge_groups g
        join lives v on v.cluster_id = g.cluster_id and g.usage_date between v.first_day and v.known_to
        where g.bucket_hours = 1
        group by all
    ) hours
    group by all
)
select
    v.cluster as subject, p.billing_currency,
    sum(p.cost) / (date_diff('day', v.first_day, v.known_to) + 1) * 30.4375 as cost,
    sum(least(z.hours * p.hour_cost, p.cost)) / (date_diff('day', v.first_day, v.known_to) + 1) * 30.4375 as saving,
    sum(z.starts * p.hour_cost * l.number['idle-cluster.start_minutes'] / 60) / (date_diff('day', v.first_day, v.known_to) + 1) * 30.4375 as fix_cost,
    format('{:,}', cast(sum(z.gaps) as bigint)) || case when sum(z.gaps) = 1 then ' gap is' else ' gaps are' end || ' longer, '
        || format('{:,}', cast(round(sum(z.hours)) as bigint)) || ' hours beyond it; '
        || case sum(z.starts) when 0 then 'no run would start it again' when 1 then 'one run would start it again'
            else format('{:,}', cast(sum(z.starts) as bigint)) || ' runs would start it again' end
        || case when sum(z.starts) > 0 then ', for ' || cast(any_value(l.number['idle-cluster.start_minutes']) as integer) || ' minutes each' else '' end
        || case when bool_or(list_has_any(list_transform(l.tags, lambda t: split_part(t, '=', 1)), l.words['idle-cluster.agreed_tags'])) then '; its tags say that it is up by agreement' else '' end as note
from summed z
join lives v on v.cluster_id = z.cluster_id
join limits l on l.subject_kind = 'cluster' and l.subject = v.cluster
join prices p on p.cluster_id = z.cluster_id
group by v.cluster, p.billing_currency, v.first_day, v.known_to
