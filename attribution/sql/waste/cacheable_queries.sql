-- One row per dashboard (or other workload of statements) and currency that asks the same of
-- the same snapshots three times and more within 24 hours: what all but the first cost.
-- Not what calls for the time, a random number or the user, whose answers differ. Of a longer statement only the first
-- 2,000 characters are known.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['cacheable-queries.enabled'] as limit_enabled,
        number['cacheable-queries.min_repeats'] as limit_min_repeats
    from waste_limits
),
snapshots as (
    select
        t.engine, t.run_id,
        string_agg(lower(t.table_name) || '@' || t.snapshot_id, ',' order by lower(t.table_name)) as snapshots,
        count(*) as tables, count(t.snapshot_id) as known
    from landed_run_tables t
    where t.access = 'read'
    group by t.engine, t.run_id
),
statements as (
    select
        q.engine, q.run_id, r.run_nr, q.fingerprint, n.snapshots, r.workload, r.billing_currency, r.started_at,
        -- What a terminal would obey is no part of a statement; lines stay.
        regexp_replace(q.query_text, '[\x00-\x08\x0B-\x1F\x7F\x{0080}-\x{009F}\x{2028}\x{2029}]', ' ', 'g') as query_text,
        length(q.query_text) >= 2000 as is_cut, s.team, l.limit_min_repeats
    from landed_queries q
    join snapshots n on n.engine = q.engine and n.run_id = q.run_id and n.known = n.tables
    join waste_runs r on r.engine = q.engine and r.run_id = q.run_id
    join waste_subjects s on s.subject_kind = 'workload' and s.subject = r.workload
    join limits l on l.profile = s.profile
    where r.status = 'succeeded' and coalesce(q.is_cached, false) = false
        and coalesce(q.query_type, 'SELECT') = 'SELECT'
        and l.limit_enabled > 0
        and not regexp_matches(lower(q.query_text), '\b(now|current_date|current_timestamp|current_time|localtime|localtimestamp|rand|random|uuid|current_user)\b')
),
numbered as (
    select
        s.*,
        row_number() over same as nth,
        min(started_at) over (partition by engine, fingerprint, snapshots, workload, billing_currency) as first_at,
        count(*) over (
            partition by engine, fingerprint, snapshots, workload, billing_currency order by started_at
            range between interval 24 hour preceding and current row
        ) as times_before
    from statements s
    window same as (partition by engine, fingerprint, snapshots, workload, billing_currency order by started_at, run_id)
),
counted as (
    -- The most of any 24 hours that it is in.
    select
        n.*,
        max(times_before) over (
            partition by engine, fingerprint, snapshots, workload, billing_currency order by started_at
            range between current row and interval 24 hour following
        ) as times
    from numbered n
),
repeats as (
    select *
    from counted
    where nth > 1 and times >= limit_min_repeats
),
daily as (
    select p.workload, p.billing_currency, p.run_nr, r.usage_date, sum(r.effective_cost) as amount
    from repeats p
    join run_days r on r.engine = p.engine and r.run_id = p.run_id and r.billing_currency = p.billing_currency
    join waste_days d on r.usage_date between d.first_day and d.last_day
    group by all
),
facts as (
    select
        workload, billing_currency, max(team) as team, count(*) as repeats, count(distinct snapshots) as snapshots,
        mode(query_text) as query_text, bool_or(is_cut) as is_cut, mode(snapshots) as example, list(run_id order by run_id)[:10] as run_ids
    from repeats
    group by workload, billing_currency
)
select
    'cacheable-queries' as detector, 'workload' as subject_kind, f.workload as subject, f.team, f.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, case when f.is_cut then 'medium' else 'high' end as confidence,
    json_object(
        'repeats', f.repeats, 'answers', f.snapshots, 'statement', f.query_text, 'read', f.example, 'runs', f.run_ids
    ) as evidence,
    ['the same text and the same snapshots', 'no time, chance or user in the text' || case when f.is_cut then ', as far as it is known: its first 2,000 characters' else '' end, 'as often as the setting asks for, within 24 hours'] as guards,
    '-- ask it once for each new snapshot, and refresh that after the load, not by the clock:' || chr(10)
        || 'CREATE MATERIALIZED VIEW ' || trino_name(regexp_extract(split_part(f.example, '@', 1), '^(.*\.)[^.]*$', 1)
        || trim(regexp_replace(lower(f.workload), '[^a-z0-9]+', '_', 'g'), '_')) || ' AS' || chr(10)
        || case when length(f.query_text) >= 2000 then '-- put the whole statement here: no more than its first 2,000 characters are known, those of the evidence'
            else rtrim(f.query_text, '; ' || chr(10)) end || chr(10) || ';' || chr(10)
        || '-- or keep its answers where it is shown: a day in Superset (CACHE_DEFAULT_TIMEOUT = 86400), an extract in Tableau' as action,
    list(struct_pack(pot_kind := 'workload', pot := f.workload, run_nr := c.run_nr, table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(c.amount as decimal(38, 12))) order by c.usage_date, c.run_nr) as claims
from facts f
join daily c on c.workload = f.workload and c.billing_currency = f.billing_currency
group by all
