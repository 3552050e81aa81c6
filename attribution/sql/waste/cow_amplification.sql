-- One row per table and currency that is changed by copy-on-write: a change replaces more than
-- 30% of the files for less than 30% of the rows (rows by the engine's log), without a property
-- that says why.
-- Waste = bytes replaced beyond a tenth of the table x the days old snapshots keep them x what
-- a byte cost, and a PUT a file and 64 MiB of it. A day counts by the changes of the week around it; one whose snapshots
-- had expired before anybody collected them, by the nearest day that is known, the next before the last.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['unexpired-snapshots.keep_days'] as limit_keep_days,
        number['cow-amplification.enabled'] as limit_enabled,
        number['cow-amplification.min_files_share'] as limit_min_files_share,
        number['cow-amplification.max_rows_share'] as limit_max_rows_share,
        words['cow-amplification.hold_properties'] as limit_hold_properties,
        number['cow-amplification.good_files_share'] as limit_good_files_share
    from waste_limits
),
meant as (
    -- Tables of which any change replaced so much of the files.
    select distinct table_id
    from landed_table_snapshots
    where operation = 'overwrite' and removed_data_files > 0 and added_data_files > 0
        and removed_data_files > (select min(limit_min_files_share) from limits) * greatest(total_data_files, 1)
),
snapshots as (
    -- Of each collection, with the snapshot before it: one that is not its parent stands beside others that have expired.
    select
        table_id, snapshot_id, collected_at, committed_at, app_id, added_data_files, removed_data_files, removed_bytes, added_rows,
        removed_rows, total_data_files, total_bytes,
        lag(snapshot_id) over earlier is null or coalesce(parent_id <> lag(snapshot_id) over earlier, false) as is_after_gap,
        operation = 'overwrite' and removed_data_files > 0 and added_data_files > 0
            -- Not what adds delete files: that is merged on read.
            and coalesce(try_cast(json_extract_string(case when operation = 'overwrite' then summary end, '$."added-delete-files"') as bigint), 0) = 0 as is_change
    from landed_table_snapshots
    where table_id in (select table_id from meant)
    window earlier as (partition by table_id, collected_at order by committed_at, snapshot_id)
),
spans as (
    -- From the first snapshot of a collection after which none is missing to when it was made.
    select table_id, cast(max(committed_at) filter (where is_after_gap) as date) as first_on, cast(collected_at as date) as last_on
    from snapshots
    group by table_id, collected_at
),
stretches as (
    select
        *,
        sum(case when is_after_gap then 1 else 0 end) over (
            partition by table_id, collected_at order by committed_at, snapshot_id rows between unbounded preceding and current row
        ) as stretch
    from snapshots
),
commits as (
    -- With the change before it, and since when its snapshots are known without a gap.
    select
        *,
        lag(committed_at) over (partition by table_id, collected_at, stretch order by committed_at, snapshot_id) as before_at
    from (
        select *, min(committed_at) over (partition by table_id, collected_at, stretch) as known_from
        from stretches
    ) k
    where is_change
),
known as (
    select
        *,
        row_number() over (
            partition by table_id, snapshot_id order by case when before_at is null then 1 else 0 end, collected_at desc
        ) as nth
    from commits
),
changes as (
    select
        c.table_id, c.committed_at, cast(c.committed_at as date) as day, c.before_at, c.removed_bytes, c.added_data_files, c.total_bytes,
        date_diff('second', c.before_at, c.committed_at) / 86400.0 as days,
        -- Of the only one that is known: since the first snapshot, a day at least.
        greatest(1, date_diff('second', c.known_from, c.committed_at) / 86400.0) as alone_days,
        cast(c.removed_data_files as double) / greatest(c.total_data_files, 1) as files_share,
        -- Where the engine does not say: what came on top or went.
        coalesce(
            cast(w.row_count as double), abs(cast(c.added_rows as double) - cast(c.removed_rows as double))
        ) / greatest(c.removed_rows, 1) * (cast(c.removed_data_files as double) / greatest(c.total_data_files, 1)) as rows_share,
        w.row_count is not null as is_counted
    from known c
    left join stg_run_tables w
        on split_part(w.run_id, '/', 1) = c.app_id and w.table_id = c.table_id and w.access = 'write'
    where c.nth = 1
),
tables as (
    select
        t.table_id, t.team, t.bucket, l.limit_min_files_share, l.limit_max_rows_share, l.limit_good_files_share,
        coalesce(try_cast(json_extract_string(t.props, '$."history.expire.max-snapshot-age-ms"') as double) / 86400000.0, l.limit_keep_days) as keep_days,
        -- Where there are so many snapshots that metadata suffers, that finding asks for the bytes they keep.
        t.table_id in (select subject from metadata_bloat) as is_bloated
    from waste_tables t
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    where l.limit_enabled > 0
        and t.table_id in (select table_id from changes)
        and not list_has_any(json_keys(t.props), l.limit_hold_properties)
),
billed as (
    select t.table_id, y.day
    from tables t
    cross join (select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as day from waste_days) y
),
weeks as (
    -- Three days each way: what was mended since is not held against it.
    select
        b.table_id, b.day, count(*) as changes, avg(c.files_share) as files_share, avg(c.rows_share) as rows_share,
        bool_and(c.is_counted) as is_counted, avg(c.removed_bytes) as removed_bytes, avg(c.added_data_files) as added_files,
        avg(c.total_bytes) as total_bytes,
        coalesce(sum(c.days) / count(c.days), max(c.alone_days)) as days_a_change,
        min(coalesce(c.before_at, c.committed_at)) as from_at, max(c.committed_at) as to_at
    from (select table_id, day from billed union select table_id, day from changes) b
    join changes c on c.table_id = b.table_id and c.day between b.day - 3 and b.day + 3
    group by b.table_id, b.day
),
dated as (
    -- From the first of the week's changes to as long after the last as there is between two; those of one day alone are
    -- of that day.
    select
        *,
        cast(day as timestamp) + interval 12 hour between from_at and to_at + to_seconds(cast(days_a_change * 86400 as bigint))
            or (cast(from_at as date) = day and cast(to_at as date) = day) as is_of_them
    from weeks
),
rates as (
    -- No more a day than are known of the week.
    select
        table_id, day, changes, files_share, rows_share, is_counted, removed_bytes, added_files, total_bytes,
        least(1 / greatest(days_a_change, 1e-4), changes) as changes_a_day
    from dated
    where is_of_them
    union all
    -- A day without changes.
    select b.table_id, b.day, 0, 0, 0, false, 0, 0, 0, 0
    from billed b
    where not exists (select 1 from dated w where w.table_id = b.table_id and w.day = b.day and w.is_of_them)
        and exists (select 1 from spans s where s.table_id = b.table_id and s.first_on < b.day and b.day < s.last_on)
),
nearest as (
    select b.table_id, b.day as usage_date, coalesce(n.day, p.day) as like_day
    from billed b
    asof left join rates n on n.table_id = b.table_id and b.day <= n.day
    asof left join rates p on p.table_id = b.table_id and b.day >= p.day
),
wasteful as (
    select
        t.table_id, t.team, t.bucket, t.keep_days, t.is_bloated, t.limit_good_files_share, d.usage_date,
        r.changes, r.files_share, r.rows_share, r.is_counted, r.removed_bytes, r.added_files, r.total_bytes, r.changes_a_day
    from nearest d
    join rates r on r.table_id = d.table_id and r.day = d.like_day
    join tables t on t.table_id = d.table_id
    where r.files_share > t.limit_min_files_share
        and r.rows_share < t.limit_max_rows_share
),
newest as (
    -- As it was in the week of the last of these days.
    select
        table_id, team, keep_days, arg_max(changes, usage_date) as changes, arg_max(files_share, usage_date) as files_share,
        arg_max(rows_share, usage_date) as rows_share, bool_and(is_counted) as is_counted,
        arg_max(removed_bytes, usage_date) as removed_bytes
    from wasteful
    group by table_id, team, keep_days
),
daily as (
    select
        w.table_id, p.billing_currency, p.usage_date,
        -- On a day those of the last days are still kept, but for one: what a snapshot replaced only
        -- those before it need.
        case when w.is_bloated then 0 else greatest(w.changes_a_day * w.keep_days - 1, 0) end * greatest(w.removed_bytes - w.limit_good_files_share * w.total_bytes, 0) * p.byte_price
            + w.changes_a_day * (1 - w.limit_good_files_share / w.files_share)
                * (w.added_files + w.removed_bytes / 67108864.0) * coalesce(q.put_price, 0) as amount
    from wasteful w
    join waste_byte_prices p on p.bucket = w.bucket and p.storage_class = 'STANDARD' and p.usage_date = w.usage_date
    left join waste_request_prices q on q.billing_currency = p.billing_currency
)
select
    'cow-amplification' as detector, 'table' as subject_kind, w.table_id as subject, w.team, d.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, case when w.is_counted then 'high' else 'medium' end as confidence,
    json_object(
        'changes_of_a_week', w.changes, 'files_replaced_share', round(w.files_share, 4), 'rows_changed_share', round(w.rows_share, 4), 'rows_counted_by_engine', w.is_counted,
        'bytes_replaced', round(w.removed_bytes), 'kept_days', w.keep_days
    ) as evidence,
    ['rows changed are the engine''s own count, else what was added or removed', 'no property says that it must be so'] as guards,
    'ALTER TABLE ' || spark_name(w.table_id) || ' SET TBLPROPERTIES (''write.merge.mode'' = ''merge-on-read'', ''write.update.mode'' = ''merge-on-read'', ''write.delete.mode'' = ''merge-on-read'');' || chr(10)
        || '-- and fold deletes at night, or sort the table by the key that changes' as action,
    list(struct_pack(pot_kind := 'table', pot := w.table_id, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := d.usage_date, amount := cast(round(greatest(d.amount, 0), 12) as decimal(38, 12))) order by d.usage_date) as claims
from newest w
join daily d on d.table_id = w.table_id
group by all
