-- One row per cluster (by name) and currency that one small run keeps up: nine of ten runs are
-- of one workload, each takes minutes and writes nothing, and four fifths of it are idle.
-- Waste = its idle cost, as far as logs tell of its runs (waste_silences). An endpoint by agreement (a tag) is left
-- alone, and so is one that a stream or a run that goes on is on: it is up for that.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['keep-alive.enabled'] as limit_enabled,
        words['keep-alive.agreed_tags'] as limit_agreed_tags,
        number['keep-alive.min_idle_share'] as limit_min_idle_share,
        number['keep-alive.min_sole_share'] as limit_min_sole_share,
        number['keep-alive.max_minutes'] as limit_max_minutes
    from waste_limits
),
heard as (
    -- Of a run without an end, its hours tell until when it ran.
    select run_nr, max(hour) + interval 1 hour as heard_at
    from stg_run_hours
    where run_nr in (select run_nr from stg_runs where ended_at is null)
    group by run_nr
),
lives as (
    select
        k.cluster, k.cluster_id, s.team, l.limit_min_idle_share, l.limit_min_sole_share, l.limit_max_minutes,
        least(d.last_day, coalesce(z.known_until, d.last_day)) as known_to
    from waste_clusters k
    join waste_subjects s on s.subject_kind = 'cluster' and s.subject = k.cluster
    join limits l on l.profile = s.profile
    cross join waste_days d
    left join waste_silences z on z.detector = 'keep-alive' and z.subject = k.cluster
    where not k.is_transient and l.limit_enabled > 0
        and not list_has_any(list_transform(k.tags, lambda t: split_part(t, '=', 1)), l.limit_agreed_tags)
),
timed as (
    -- What runs and tells of no hours runs to the end of what is known.
    select
        v.cluster, v.limit_max_minutes, r.workload, r.engine, r.run_id, r.status,
        date_diff('second', r.started_at, coalesce(
            r.ended_at, h.heard_at, case when r.status = 'running' then cast(v.known_to + 1 as timestamp) end, r.started_at
        )) as seconds
    from waste_runs r
    join lives v on v.cluster_id = r.cluster_id
    left join heard h on h.run_nr = r.run_nr
),
runs as (
    select
        t.cluster, t.workload, t.engine, count(*) as runs, median(t.seconds) as seconds,
        sum(case when o.run_id is not null then 1 else 0 end) as writers,
        sum(case when t.engine = 'flink' or (t.status = 'running' and t.seconds > 60 * t.limit_max_minutes) then 1 else 0 end) as going_on
    from timed t
    left join (select distinct engine, run_id from stg_run_outputs where table_id is not null) o
        on o.engine = t.engine and o.run_id = t.run_id
    group by t.cluster, t.workload, t.engine
),
sole as (
    select
        cluster, arg_max(workload, (runs, workload)) as workload, max(runs) as of_it, sum(runs) as runs,
        arg_max(seconds, (runs, workload)) as seconds, sum(writers) as writers, sum(going_on) as going_on
    from runs
    group by cluster
),
costs as (
    select v.cluster, c.billing_currency, c.usage_date, c.category, c.effective_cost
    from daily_costs c
    join lives v on v.cluster_id = c.cluster_id
    join waste_days d on c.usage_date between d.first_day and d.last_day
    where c.category in ('idle', 'usage') and c.usage_date <= v.known_to
),
shares as (
    select
        cluster, billing_currency,
        cast(sum(effective_cost) filter (where category = 'idle') as double) / nullif(cast(sum(effective_cost) as double), 0)
            as idle_share
    from costs
    group by cluster, billing_currency
),
facts as (
    select
        v.cluster as subject, max(v.team) as team, h.billing_currency, h.idle_share, o.workload, o.of_it, o.runs, o.seconds,
        list(v.cluster_id order by v.cluster_id) as ids
    from lives v
    join sole o on o.cluster = v.cluster
    join shares h on h.cluster = v.cluster
    where h.idle_share >= v.limit_min_idle_share
        and o.of_it >= v.limit_min_sole_share * o.runs
        and o.seconds <= 60 * v.limit_max_minutes
        and o.writers = 0
        and o.going_on = 0
    group by all
)
select
    'keep-alive' as detector, 'cluster' as subject_kind, f.subject, f.team, f.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'high' as confidence,
    json_object(
        'clusters', f.ids, 'kept_up_by', f.workload, 'runs_of_it', f.of_it, 'runs', f.runs,
        'median_run_seconds', f.seconds, 'idle_share', round(f.idle_share, 4)
    ) as evidence,
    ['no tag says that it serves an agreement', 'what keeps it up writes no table', 'no stream is on it, nor a run that goes on'] as guards,
    list_aggregate(list_transform(
            f.ids, lambda i: 'aws emr put-auto-termination-policy --cluster-id ' || shell_word(i) || ' --auto-termination-policy IdleTimeout=3600'
        ), 'string_agg', chr(10))
        || chr(10) || '# and stop what keeps it up: ' || comment_text(f.workload) as action,
    list(struct_pack(pot_kind := 'cluster', pot := f.subject, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(c.amount as decimal(38, 12))) order by c.usage_date) as claims
from facts f
join (
    select cluster, billing_currency, usage_date, sum(effective_cost) as amount
    from costs
    where category = 'idle'
    group by all
) c on c.cluster = f.subject and c.billing_currency = f.billing_currency
group by all
