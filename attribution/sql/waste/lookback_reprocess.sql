-- One row per workload and currency that writes the same days again each time though fewer of
-- its inputs' days have changed. Days written: rows written by a run of the rows of a usual day
-- of its table. Days changed: how late the newest files of its inputs' days came (less one where
-- the table is folded at night), and the new day itself.
-- Waste = run cost x (1 - changed / written days).
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['lookback-reprocess.enabled'] as limit_enabled,
        number['lookback-reprocess.min_rewrites'] as limit_min_rewrites,
        number['lookback-reprocess.min_runs'] as limit_min_runs
    from waste_limits
),
days as (
    -- Rows of a day of each table by day.
    select table_id, seen_on, rows_on, sum(row_count) as row_count, max(cast(last_modified_at as date)) as modified_on
    from waste_partitions
    where rows_on is not null
    group by table_id, seen_on, rows_on
),
usual as (
    select d.table_id, median(d.row_count) as day_rows, count(*) as days
    from days d
    where d.rows_on between d.seen_on - 30 and d.seen_on - 2
    group by d.table_id
),
folded as (
    select distinct table_id from landed_table_snapshots where operation = 'replace'
),
lateness as (
    -- How old the days are that were changed in the last two; what is a month old was touched
    -- for its age.
    select
        d.table_id,
        greatest(max(date_diff('day', d.rows_on, d.modified_on)) - case when f.table_id is null then 0 else 1 end, 0) as late_days
    from days d
    left join folded f on f.table_id = d.table_id
    where d.modified_on >= d.seen_on - 1 and date_diff('day', d.rows_on, d.modified_on) <= 30
    group by d.table_id, f.table_id
),
runs as (
    select
        r.engine, r.run_id, r.run_nr, r.workload, r.billing_currency, r.started_at, t.table_id, t.row_count,
        cast(t.row_count as double) / u.day_rows as written_days,
        s.team, l.limit_min_rewrites, l.limit_min_runs
    from waste_runs r
    join stg_run_tables t on t.engine = r.engine and t.run_id = r.run_id and t.access = 'write'
    join usual u on u.table_id = t.table_id and u.days >= 7 and u.day_rows > 0
    join waste_subjects s on s.subject_kind = 'workload' and s.subject = r.workload
    join limits l on l.profile = s.profile
    where r.status = 'succeeded' and t.row_count > 0 and l.limit_enabled > 0
),
by_run as (
    select engine, run_id, run_nr, workload, billing_currency, team, limit_min_rewrites, limit_min_runs, started_at, min(written_days) as written_days
    from runs
    group by all
),
reads as (
    select b.workload, t.table_id, max(b.started_at) as last_read_at
    from by_run b
    join stg_run_tables t on t.engine = b.engine and t.run_id = b.run_id and t.access = 'read'
    group by b.workload, t.table_id
),
changelogs as (
    -- Of each input, from the snapshot on that the newest run read.
    select
        r.workload,
        string_agg(
            'CALL ' || spark_part(split_part(r.table_id, '.', 1)) || '.system.create_changelog_view(table => '
                || spark_text(spark_name(substr(r.table_id, strpos(r.table_id, '.') + 1)))
                || coalesce(', options => map(''start-snapshot-id'', ' || spark_text(cast(s.snapshot_id as varchar)) || ')', '') || ');',
            chr(10) order by r.table_id
        ) as calls,
        bool_and(s.snapshot_id is not null) as are_known, max(r.last_read_at) as last_read_at
    from reads r
    left join (
        select w.workload, w.table_id, arg_max(p.snapshot_id, p.committed_at) as snapshot_id
        from reads w
        join landed_table_snapshots p on p.table_id = w.table_id and p.committed_at <= w.last_read_at
        group by w.workload, w.table_id
    ) s on s.workload = r.workload and s.table_id = r.table_id
    group by r.workload
),
inputs as (
    select r.workload, max(greatest(1, coalesce(l.late_days, 1) + 1)) as changed_days, count(*) as inputs, count(l.late_days) as known
    from reads r
    left join lateness l on l.table_id = r.table_id
    group by r.workload
),
judged as (
    select b.*, i.changed_days, i.inputs, round(b.written_days) as days
    from by_run b
    join inputs i on i.workload = b.workload and i.known > 0
    -- Whole days, each rewritten so many times as it takes days for it to leave the window.
    where round(b.written_days) >= b.limit_min_rewrites and b.written_days >= i.changed_days + 1.5
),
wasteful as (
    select
        workload, billing_currency, max(team) as team, count(*) as runs, median(days) as days,
        max(changed_days) as changed_days, median(written_days) as written_days
    from judged
    group by workload, billing_currency
    having count(*) >= max(limit_min_runs)
),
daily as (
    select j.workload, j.billing_currency, j.run_nr, d.usage_date,
        sum(cast(round(cast(d.effective_cost as double) * (1 - least(1, w.changed_days / w.days)), 12) as decimal(38, 12))) as amount
    from wasteful w
    join judged j on j.workload = w.workload and j.billing_currency = w.billing_currency
    join run_days d on d.engine = j.engine and d.run_id = j.run_id and d.billing_currency = j.billing_currency
    join waste_days b on d.usage_date between b.first_day and b.last_day
    group by all
)
select
    'lookback-reprocess' as detector, 'workload' as subject_kind, w.workload as subject, w.team, w.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'medium' as confidence,
    json_object(
        'runs', w.runs, 'days_written', w.days, 'days_changed', w.changed_days, 'rows_of_usual_days', round(w.written_days, 2)
    ) as evidence,
    ['late rows of its inputs are counted as changes', 'only runs that wrote whole days again'] as guards,
    '-- read what changed alone, and write its days; each run starts where the one before ended (here that of '
        || strftime(g.last_read_at, '%Y-%m-%d %H:%M') || '):' || chr(10) || g.calls || chr(10)
        || case when g.are_known then '' else '-- where no start-snapshot-id stands, no metadata tells what that run read: give the snapshot it ended at' || chr(10) end
        || '-- or lower the look-back to ' || cast(cast(w.changed_days as integer) as varchar) || ' days' as action,
    list(struct_pack(pot_kind := 'workload', pot := w.workload, run_nr := c.run_nr, table_id := cast(null as varchar), usage_date := c.usage_date, amount := c.amount) order by c.usage_date, c.run_nr) as claims
from wasteful w
join daily c on c.workload = w.workload and c.billing_currency = w.billing_currency
left join changelogs g on g.workload = w.workload
group by all
