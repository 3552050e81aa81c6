-- One row per table and currency that is changed by copy-on-write: a change replaces more than
-- 30% of the files for less than 30% of the rows (rows by the engine's log), without a property
-- that says why.
-- Waste = bytes replaced beyond a tenth of the table x the days old snapshots keep them x what
-- a byte cost, and a PUT a file and 64 MiB of it.
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
commits as (
    select s.*, row_number() over (partition by s.table_id, s.snapshot_id order by s.collected_at desc) as nth
    from landed_table_snapshots s
    where s.operation = 'overwrite'
),
changes as (
    select
        c.table_id, c.committed_at, c.removed_data_files, c.removed_bytes, c.added_data_files, c.total_data_files, c.total_bytes,
        cast(c.removed_data_files as double) / greatest(c.total_data_files, 1) as files_share,
        -- Where the engine does not say: what came on top or went.
        coalesce(
            cast(w.row_count as double), abs(cast(c.added_rows as double) - cast(c.removed_rows as double))
        ) / greatest(c.removed_rows, 1) * (cast(c.removed_data_files as double) / greatest(c.total_data_files, 1)) as rows_share,
        w.row_count is not null as is_counted
    from commits c
    left join stg_run_tables w
        on split_part(w.run_id, '/', 1) = c.app_id and w.table_id = c.table_id and w.access = 'write'
    where c.nth = 1 and c.removed_data_files > 0 and c.added_data_files > 0
        -- Not what adds delete files: that is merged on read.
        and coalesce(try_cast(json_extract_string(c.summary, '$."added-delete-files"') as bigint), 0) = 0
),
rates as (
    select
        table_id, count(*) as changes, avg(files_share) as files_share, avg(rows_share) as rows_share, bool_and(is_counted) as is_counted, avg(removed_bytes) as removed_bytes,
        avg(added_data_files) as added_files, avg(total_bytes) as total_bytes,
        greatest(count(*) - 1, 1) / greatest(date_diff('hour', min(committed_at), max(committed_at)) / 24.0, 1) as changes_a_day
    from changes
    group by table_id
),
wasteful as (
    select
        t.table_id, t.team, t.bucket, r.changes, r.files_share, r.rows_share, r.is_counted, r.removed_bytes, r.added_files, r.total_bytes, r.changes_a_day, l.limit_good_files_share,
        coalesce(try_cast(json_extract_string(t.props, '$."history.expire.max-snapshot-age-ms"') as double) / 86400000.0, l.limit_keep_days) as keep_days
    from rates r
    join waste_tables t on t.table_id = r.table_id
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    where l.limit_enabled > 0
        and r.files_share > l.limit_min_files_share
        and r.rows_share < l.limit_max_rows_share
        and not list_has_any(json_keys(t.props), l.limit_hold_properties)
),
daily as (
    select
        w.table_id, p.billing_currency, p.usage_date,
        -- On a day those of the last days are still kept, but for one: what a snapshot replaced only
        -- those before it need.
        greatest(w.changes_a_day * w.keep_days - 1, 0) * greatest(w.removed_bytes - w.limit_good_files_share * w.total_bytes, 0) * p.byte_price
            + w.changes_a_day * (1 - w.limit_good_files_share / w.files_share)
                * (w.added_files + w.removed_bytes / 67108864.0) * coalesce(q.put_price, 0) as amount
    from wasteful w
    join waste_byte_prices p on p.bucket = w.bucket and p.storage_class = 'STANDARD'
    left join waste_request_prices q on q.billing_currency = p.billing_currency
)
select
    'cow-amplification' as detector, 'table' as subject_kind, w.table_id as subject, w.team, d.billing_currency,
    0.0 as fix_cost, 28 as rate_days, case when w.is_counted then 'high' else 'medium' end as confidence,
    json_object(
        'changes', w.changes, 'files_replaced_share', round(w.files_share, 4), 'rows_changed_share', round(w.rows_share, 4), 'rows_counted_by_engine', w.is_counted,
        'bytes_replaced', round(w.removed_bytes), 'kept_days', w.keep_days
    ) as evidence,
    ['rows changed are the engine''s own count, else what was added or removed', 'no property says that it must be so'] as guards,
    'ALTER TABLE ' || spark_name(w.table_id) || ' SET TBLPROPERTIES (''write.merge.mode'' = ''merge-on-read'', ''write.update.mode'' = ''merge-on-read'', ''write.delete.mode'' = ''merge-on-read'');' || chr(10)
        || '-- and fold deletes at night, or sort the table by the key that changes' as action,
    list(struct_pack(pot_kind := 'table', pot := w.table_id, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := d.usage_date, amount := cast(round(greatest(d.amount, 0), 12) as decimal(38, 12))) order by d.usage_date) as claims
from wasteful w
join daily d on d.table_id = w.table_id
group by all
