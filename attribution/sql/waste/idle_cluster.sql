-- One row per cluster (by name) and currency that nothing has run on for longer than a week:
-- what it cost since the last run and a grace.
-- Waste = idle cost of the days after the last run. Agreed standbys (by tag) are left alone, and
-- no cluster is idle for want of its logs: it is looked at as far as those tell of that its last run was read
-- from (waste_silences). Of a cluster that never ran anything, those of any source.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['idle-cluster.grace_minutes'] as limit_grace_minutes,
        number['idle-cluster.idle_days'] as limit_idle_days,
        number['idle-cluster.enabled'] as limit_enabled,
        words['idle-cluster.agreed_tags'] as limit_agreed_tags
    from waste_limits
),
heard as (
    -- Of a run without an end, its hours tell until when it ran.
    select run_nr, max(hour) + interval 1 hour as heard_at
    from stg_run_hours
    where run_nr in (select run_nr from stg_runs where ended_at is null)
    group by run_nr
),
runs as (
    select o.cluster_id, max(coalesce(r.ended_at, h.heard_at, r.started_at)) as last_run_at, count(*) as runs
    from run_owners o
    join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    left join heard h on h.run_nr = r.run_nr
    where o.cluster_id is not null
    group by o.cluster_id
),
lives as (
    select
        k.cluster, k.cluster_id, k.started_at, k.ended_at, k.tags,
        coalesce(r.runs, 0) as runs,
        r.last_run_at,
        coalesce(r.last_run_at, k.started_at) + to_minutes(cast(l.limit_grace_minutes as integer))
            as idle_from,
        least(k.ended_at, d.last_day + interval 1 day, z.known_until + interval 1 day) as idle_to,
        s.team, l.limit_idle_days, l.limit_agreed_tags
    from waste_clusters k
    cross join waste_days d
    join waste_subjects s on s.subject_kind = 'cluster' and s.subject = k.cluster
    join limits l on l.profile = s.profile
    left join runs r on r.cluster_id = k.cluster_id
    left join waste_silences z on z.detector = 'idle-cluster' and z.subject = k.cluster
    where not k.is_transient and l.limit_enabled > 0
        -- Where no logs are read at all, nothing is known of any.
        and exists (select 1 from stg_runs)
),
idle as (
    select *
    from lives
    where idle_to >= idle_from + to_days(cast(limit_idle_days as integer))
        and not list_has_any(list_transform(tags, lambda t: split_part(t, '=', 1)), limit_agreed_tags)
),
daily as (
    select
        i.cluster as subject, c.billing_currency, c.usage_date,
        sum(c.effective_cost) as amount
    from idle i
    join daily_costs c
        on c.cluster_id = i.cluster_id and c.category = 'idle'
        and c.usage_date >= cast(i.idle_from as date)
    join waste_days d on c.usage_date between d.first_day and d.last_day
    group by all
),
facts as (
    select
        cluster as subject, max(team) as team, sum(runs) as runs, max(last_run_at) as last_run_at,
        min(idle_from) as idle_from, max(idle_to) as idle_to, list(cluster_id order by cluster_id) as ids,
        bool_and(ended_at is not null) as has_ended
    from idle
    group by cluster
)
select
    'idle-cluster' as detector, 'cluster' as subject_kind, f.subject, f.team, c.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days,
    -- Of a cluster that never ran anything, it may be that nobody reads its engine's logs.
    case when f.runs > 0 then 'high' else 'medium' end as confidence,
    json_object(
        'clusters', f.ids, 'runs', f.runs, 'last_run_at', f.last_run_at, 'idle_from', f.idle_from,
        'idle_hours', date_diff('hour', f.idle_from, f.idle_to), 'has_ended', f.has_ended
    ) as evidence,
    ['no tag says that it stands by', case when f.runs > 0 then 'logs of the source of its last run tell of newer ones'
        else 'no log that is read names it: make sure that those of its engine are' end, 'it was not made for one job']
        as guards,
    'aws emr terminate-clusters --cluster-ids ' || list_aggregate(list_transform(f.ids, lambda i: shell_word(i)), 'string_agg', ' ')
        || chr(10) || '# or, to let it end by itself from now on:' || chr(10)
        || list_aggregate(list_transform(
            f.ids, lambda i: '# aws emr put-auto-termination-policy --cluster-id ' || shell_word(i) || ' --auto-termination-policy IdleTimeout=3600'
        ), 'string_agg', chr(10)) as action,
    list(struct_pack(pot_kind := 'cluster', pot := c.subject, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(c.amount as decimal(38, 12))) order by c.usage_date) as claims
from facts f
join daily c on c.subject = f.subject
group by all
