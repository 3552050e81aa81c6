-- One row per table and currency of whose rows more than a tenth are deleted but still there:
-- what readers pay to open delete files and small files written with them and to compare
-- deleted rows, as far as they open them: of a table of many partitions the part a scan opened. What keeping those rows costs is about what folding keeps of old files: neither is counted.
-- How many there were on a day: as many fewer than now as snapshots add a day; and those of one
-- day would be there if deletes were folded every night.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['delete-bloat.enabled'] as limit_enabled,
        number['delete-bloat.min_ratio'] as limit_min_ratio,
        number['uncompacted.trino_open_ms'] as limit_trino_open_ms,
        number['uncompacted.spark_open_ms'] as limit_spark_open_ms,
        number['delete-bloat.rows_per_ms'] as limit_rows_per_ms,
        number['uncompacted.rewrite_bytes_per_second'] as limit_rewrite_bytes_per_second
    from waste_limits
),
tables as (
    select
        t.table_id, t.team, t.catalog, t.namespace, t.name, t.bucket, t.delete_files, t.deleted_rows, t.row_count,
        t.data_files, t.data_bytes, l.limit_trino_open_ms, l.limit_spark_open_ms, l.limit_rows_per_ms, l.limit_rewrite_bytes_per_second,
        cast(t.deleted_rows as double) / greatest(t.row_count, 1) as ratio,
        cast(t.delete_files as double) as files_now
    from waste_tables t
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    where l.limit_enabled > 0 and t.delete_files > 0
        and t.deleted_rows > l.limit_min_ratio * greatest(t.row_count, 1)
),
ideal as (
    select p.table_id, sum(greatest(1, ceil(cast(p.data_bytes as double) / p.target_file_bytes))) as ideal_files
    from waste_partitions p
    join tables t on t.table_id = p.table_id
    group by p.table_id
),
growth as (
    -- Delete files a day, by the snapshots that are kept: the first of them ends a span that
    -- began before it.
    select
        s.table_id,
        sum(s.delete_files) filter (where s.nth_commit > 1) as added,
        greatest(1, date_diff('hour', min(s.committed_at), max(s.committed_at)) / 24.0) as days
    from (
        select
            k.table_id, k.committed_at,
            coalesce(try_cast(json_extract_string(k.summary, '$."added-delete-files"') as bigint), 0) as delete_files,
            row_number() over (partition by k.table_id order by k.committed_at, k.snapshot_id) as nth_commit
        from (
            select *, row_number() over (partition by table_id, snapshot_id order by collected_at desc) as nth
            from landed_table_snapshots
        ) k
        where k.nth = 1 and k.operation <> 'replace'
    ) s
    group by s.table_id
),
days as (
    select
        t.*, i.ideal_files, b.first_day, b.last_day,
        coalesce(g.added / g.days, 0) as added_a_day
    from tables t
    join ideal i on i.table_id = t.table_id
    left join growth g on g.table_id = t.table_id
    cross join waste_days b
),
grown as (
    select
        t.table_id, r.billing_currency, r.usage_date, r.workload, r.engine, r.scans, r.core_ms_price, r.files_a_scan, r.deletes_are_counted,
        t.limit_trino_open_ms, t.limit_spark_open_ms, t.limit_rows_per_ms, t.delete_files, t.data_files, t.deleted_rows,
        greatest(t.data_files - t.ideal_files, 0) as small_files,
        greatest(0, 1 - (date_diff('day', r.usage_date, t.last_day) + 1) * t.added_a_day / t.files_now) as grown
    from days t
    join waste_reads r on r.table_id = t.table_id
),
reads as (
    select
        *, delete_files + small_files as needless_files,
        -- A scan of some partitions meets their part of the files that there were that day.
        least(1, files_a_scan / greatest(
            data_files - small_files * (1 - grown) + case when deletes_are_counted then delete_files * grown else 0 end, 1
        )) as met
    from grown
),
costs as (
    select
        table_id, billing_currency, 'workload' as pot_kind, workload as pot, usage_date,
        sum(scans * grown * met * coalesce(core_ms_price, 0) * (
            needless_files * case when engine = 'trino' then limit_trino_open_ms else limit_spark_open_ms end
            + deleted_rows / limit_rows_per_ms
        )) as amount,
        sum(scans) as scans
    from reads
    group by all
    union all
    select r.table_id, r.billing_currency, 'table', r.table_id, r.usage_date,
        sum(r.scans * r.grown * r.met * r.needless_files * 2 * q.get_price), 0
    from reads r
    join waste_request_prices q on q.billing_currency = r.billing_currency
    group by all
),
summed as (
    select table_id, billing_currency, pot_kind, pot, usage_date, sum(amount) as amount, sum(scans) as scans
    from costs
    group by all
),
scanned as (
    select table_id, billing_currency, sum(scans) as scans from summed group by all
)
select
    'delete-bloat' as detector, 'table' as subject_kind, t.table_id as subject, t.team, c.billing_currency,
    -- The whole table is rewritten as often as a tenth of it is deleted.
    coalesce(m.gb_hour_price, 0) * (t.data_bytes / t.limit_rewrite_bytes_per_second / 3600 * 2 + 0.5)
        * greatest(1, coalesce(t.added_a_day, 0) * 30.4375 / greatest(t.files_now, 1)) as fix_cost,
    cast(null as integer) as rate_days, 'medium' as confidence,
    json_object(
        'delete_files', t.delete_files, 'deleted_rows', t.deleted_rows, 'rows', t.row_count, 'deleted_share', round(t.ratio, 4),
        'data_files', t.data_files, 'files_at_target', t.ideal_files, 'delete_files_a_day', round(t.added_a_day, 2), 'scans', n.scans
    ) as evidence,
    ['deletes that are folded in time stay under the ratio'] as guards,
    'CALL ' || spark_part(t.catalog) || '.system.rewrite_data_files(table => ' || spark_text(spark_name(t.namespace) || '.' || spark_part(t.name))
        || ', options => map(''delete-file-threshold'', ''1'', ''remove-dangling-deletes'', ''true''));' || chr(10)
        || 'CALL ' || spark_part(t.catalog) || '.system.rewrite_position_delete_files(table => ' || spark_text(spark_name(t.namespace) || '.' || spark_part(t.name)) || ');' as action,
    list(struct_pack(pot_kind := c.pot_kind, pot := c.pot, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(round(c.amount, 12) as decimal(38, 12))) order by c.usage_date, c.pot_kind, c.pot) as claims
from days t
join summed c on c.table_id = t.table_id
left join waste_memory_prices m on m.billing_currency = c.billing_currency
join scanned n on n.table_id = c.table_id and n.billing_currency = c.billing_currency
group by all
