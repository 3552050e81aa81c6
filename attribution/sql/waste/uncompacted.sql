-- One row per table and currency whose partitions stay in small files: in those not written to
-- for a week, five and more files are under three quarters of the target, and the root of the
-- mean squared error of sizes against the target is over half of it (Netflix's AutoOptimize).
-- Waste = files opened in vain x (time to open one x what a core's time cost the readers + 2 GET);
-- in vain: what a scan opens more than it would if the files it opened in the last week had been
-- large. Nobody reads it: nothing.
-- Cost of the fix (OpenHouse) = a month's new bytes / (2 MB/s) x 2 GB + 0.5 GB-h a day, by what a GB-hour cost.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['uncompacted.hot_days'] as limit_hot_days,
        number['uncompacted.min_files'] as limit_min_files,
        number['uncompacted.enabled'] as limit_enabled,
        number['uncompacted.min_mse_share'] as limit_min_mse_share,
        number['uncompacted.unread_days'] as limit_unread_days,
        number['uncompacted.trino_open_ms'] as limit_trino_open_ms,
        number['uncompacted.spark_open_ms'] as limit_spark_open_ms,
        number['uncompacted.rewrite_bytes_per_second'] as limit_rewrite_bytes_per_second
    from waste_limits
),
sized as (
    select
        p.*, p.data_bytes / greatest(p.data_files, 1) as mean_bytes,
        greatest(1, ceil(cast(p.data_bytes as double) / p.target_file_bytes)) as ideal_files
    from waste_partitions p
    where p.data_files > 0
),
gated as (
    select
        t.table_id, t.team, t.catalog, t.namespace, t.name, t.collected_at, l.limit_hot_days, l.limit_min_mse_share, l.limit_unread_days, l.limit_trino_open_ms, l.limit_spark_open_ms, l.limit_rewrite_bytes_per_second, l.profile,
        sum(p.data_files) filter (where p.age_days >= l.limit_hot_days) as cold_files,
        sum(p.small_files) filter (
            where p.age_days >= l.limit_hot_days and p.small_files >= l.limit_min_files
        ) as small_files,
        sqrt(
            sum(p.data_files * power(greatest(p.target_file_bytes - p.mean_bytes, 0) / cast(p.target_file_bytes as double), 2))
                filter (where p.age_days >= l.limit_hot_days and p.small_files >= l.limit_min_files)
            / nullif(sum(p.data_files) filter (
                where p.age_days >= l.limit_hot_days and p.small_files >= l.limit_min_files), 0)
        ) as error_share,
        -- What readers meet: days of the last month, and as far back as nine of ten reads look.
        sum(p.data_files) filter (where p.rows_on is null or p.rows_on > p.seen_on - t.met_days) as recent_files,
        sum(p.ideal_files) filter (where p.rows_on is null or p.rows_on > p.seen_on - t.met_days) as ideal_files,
        -- Where no field says which day rows are of, all of it is rewritten once a month.
        sum(p.data_bytes) filter (where p.rows_on is null or p.rows_on > p.seen_on - 30) / 30.0 as bytes_a_day
    from sized p
    join (
        select t.*, cast(greatest(30, coalesce(k.back_p90, 0) + 1) as integer) as met_days
        from waste_tables t
        left join waste_lookbacks k on k.table_id = t.table_id
    ) t on t.table_id = p.table_id
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    where l.limit_enabled > 0
    group by all
),
heard as (
    -- Up to which day its reads are known.
    select t.table_id, least(d.last_day, coalesce(z.known_until, d.last_day)) as read_to
    from waste_tables t
    cross join waste_days d
    left join waste_silences z on z.detector = 'uncompacted' and z.subject = t.table_id
),
wasteful as (
    select g.*, 1 - cast(g.ideal_files as double) / nullif(g.recent_files, 0) as excess_share, k.last_read_on, k.reads, h.read_to
    from gated g
    join waste_lookbacks k on k.table_id = g.table_id
    join heard h on h.table_id = g.table_id
    where g.error_share >= g.limit_min_mse_share
        and g.small_files >= 0.1 * g.cold_files
        and k.last_read_on > h.read_to - cast(g.limit_unread_days as integer)
),
enough as (
    -- Files a scan would open if they were large: small ones were fewer when they began to pile up.
    select
        w.table_id, r.engine, r.workload,
        sum(r.scans * r.files_a_scan) / greatest(sum(r.scans), 1) * (1 - w.excess_share) as files_a_scan
    from wasteful w
    join waste_reads r on r.table_id = w.table_id
    where r.usage_date > w.read_to - 7
    group by w.table_id, r.engine, r.workload, w.excess_share
),
reads as (
    select
        r.*,
        greatest(0, r.files_a_scan - coalesce(e.files_a_scan, r.files_a_scan * (1 - w.excess_share))) as needless_a_scan
    from wasteful w
    join waste_reads r on r.table_id = w.table_id
    left join enough e
        on e.table_id = r.table_id and e.engine = r.engine and e.workload is not distinct from r.workload
),
daily as (
    select
        w.table_id, r.billing_currency, r.usage_date, r.workload,
        cast(round(
            sum(r.scans * r.needless_a_scan * (
                case when r.engine = 'trino' then w.limit_trino_open_ms else w.limit_spark_open_ms end
                * coalesce(r.core_ms_price, 0)
            )), 12
        ) as decimal(38, 12)) as amount,
        cast(round(sum(r.scans * r.needless_a_scan * 2 * coalesce(q.get_price, 0)), 12) as decimal(38, 12)) as requests,
        sum(r.scans) as scans, sum(r.scans * r.files_a_scan) as files, bool_and(r.files_are_told) as are_told
    from wasteful w
    join reads r on r.table_id = w.table_id
    left join waste_request_prices q on q.billing_currency = r.billing_currency
    group by all
),
claimed as (
    select table_id, billing_currency, 'workload' as pot_kind, workload as pot, usage_date, amount, scans, files, are_told from daily
    union all
    select table_id, billing_currency, 'table', table_id, usage_date, sum(requests), 0, 0, true from daily group by all
)
select
    'uncompacted' as detector, 'table' as subject_kind, w.table_id as subject, w.team, c.billing_currency,
    coalesce(m.gb_hour_price, 0) * 30.4375 * (coalesce(w.bytes_a_day, 0) / w.limit_rewrite_bytes_per_second / 3600 * 2 + 0.5) as fix_cost,
    cast(null as integer) as rate_days, case when bool_and(c.are_told) then 'medium' else 'low' end as confidence,
    json_object(
        'small_files', w.small_files, 'recent_files', w.recent_files, 'files_at_target', w.ideal_files,
        'error_share_of_target', round(w.error_share, 4), 'needless_share', round(w.excess_share, 4),
        'scans', sum(c.scans), 'files_opened', round(sum(c.files)), 'files_opened_are_told', bool_and(c.are_told), 'last_read_on', w.last_read_on
    ) as evidence,
    [
        'partitions written to within ' || cast(any_value(w.limit_hot_days) as integer) || ' days are left out',
        'it was read within ' || cast(w.limit_unread_days as integer) || ' days'
    ] as guards,
    'CALL ' || spark_part(w.catalog) || '.system.rewrite_data_files(table => ' || spark_text(spark_name(w.namespace) || '.' || spark_part(w.name))
        || ', strategy => ''binpack'', options => map(''min-input-files'', ''5''));' as action,
    list(struct_pack(pot_kind := c.pot_kind, pot := c.pot, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(c.amount as decimal(38, 12))) order by c.usage_date, c.pot_kind, c.pot) as claims
from wasteful w
join claimed c on c.table_id = w.table_id
left join waste_memory_prices m on m.billing_currency = c.billing_currency
group by w.table_id, w.team, w.catalog, w.namespace, w.name, c.billing_currency, m.gb_hour_price, w.bytes_a_day, w.limit_min_mse_share, w.limit_unread_days, w.limit_trino_open_ms, w.limit_spark_open_ms, w.limit_rewrite_bytes_per_second,
    w.small_files, w.recent_files, w.ideal_files, w.error_share, w.excess_share, w.last_read_on
