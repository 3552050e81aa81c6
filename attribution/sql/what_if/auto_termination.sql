-- Answers what ending idle clusters would save: one row per cluster (by name) and currency. Saving
-- = hours of gaps between runs beyond the minutes x what an hour of it costs at its cheapest tenth.
with lives as (
    select
        k.cluster_id, k.cluster,
        greatest(k.started_at, cast(d.first_day as timestamp)) as from_at,
        least(coalesce(k.ended_at, cast(d.last_day + 1 as timestamp)), cast(d.last_day + 1 as timestamp)) as to_at
    from waste_clusters k
    cross join waste_days d
    where not k.is_transient
),
spans as (
    select v.cluster_id, r.started_at as from_at, coalesce(r.ended_at, v.to_at) as to_at
    from lives v
    join run_owners o on o.cluster_id = v.cluster_id
    join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    where coalesce(r.ended_at, v.to_at) > v.from_at and r.started_at < v.to_at
    union all
    select cluster_id, to_at, to_at from lives
),
gaps as (
    select
        s.cluster_id,
        (epoch(s.from_at) - epoch(greatest(v.from_at, coalesce(
            max(s.to_at) over (partition by s.cluster_id order by s.from_at rows between unbounded preceding and 1 preceding), v.from_at
        )))) / 60 as minutes
    from spans s
    join lives v on v.cluster_id = s.cluster_id
),
summed as (
    select
        cluster_id, count(*) filter (where minutes > (select value from setting)) as gaps,
        sum(greatest(0, minutes - (select value from setting))) / 60 as hours
    from gaps
    group by cluster_id
),
prices as (
    select cluster_id, billing_currency, quantile_cont(cost, 0.1) as hour_cost, sum(cost) as cost
    from (
        select g.cluster_id, g.billing_currency, g.bucket_start, cast(sum(g.effective_cost) as double) as cost
        from charge_groups g
        join waste_days d on g.usage_date between d.first_day and d.last_day
        where g.cluster_id is not null and g.bucket_hours = 1
        group by all
    ) hours
    group by all
)
select
    v.cluster as subject, p.billing_currency,
    sum(p.cost) / any_value(b.days) * 30.4375 as cost,
    sum(least(z.hours * p.hour_cost, p.cost)) / any_value(b.days) * 30.4375 as saving,
    cast(sum(z.gaps) as bigint) || ' gaps are longer, ' || cast(round(sum(z.hours)) as bigint) || ' hours beyond it'
        || case when bool_or(len(list_filter(k.tags, lambda t: split_part(t, '=', 1) in ('sla', 'standby', 'warm_pool'))) > 0)
            then '; its tags say that it is up by agreement' else '' end as note
from summed z
join lives v on v.cluster_id = z.cluster_id
join waste_clusters k on k.cluster_id = z.cluster_id
join prices p on p.cluster_id = z.cluster_id
cross join (select date_diff('day', first_day, last_day) + 1 as days from waste_days) b
where z.hours > 0
group by v.cluster, p.billing_currency
