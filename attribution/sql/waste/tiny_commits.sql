-- One row per table and currency to which a stream commits all the time: a hundred and more
-- commits a day, of files under 8 MB, without a promise of freshness.
-- Waste = requests of the commits and files beyond those of one an hour, and what readers pay to
-- open the files of the newest day, before they are compacted.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['tiny-commits.enabled'] as limit_enabled,
        number['tiny-commits.min_commits_a_day'] as limit_min_commits_a_day,
        number['tiny-commits.max_file_bytes'] as limit_max_file_bytes,
        words['tiny-commits.freshness_properties'] as limit_freshness_properties,
        number['tiny-commits.good_commits_a_day'] as limit_good_commits_a_day,
        number['uncompacted.trino_open_ms'] as limit_trino_open_ms,
        number['uncompacted.spark_open_ms'] as limit_spark_open_ms
    from waste_limits
),
commits as (
    select s.table_id, s.snapshot_id, s.committed_at, coalesce(s.added_data_files, 0) as files, coalesce(s.added_bytes, 0) as bytes, coalesce(s.summary, '') like '%flink.%' as is_flink,
        row_number() over (partition by s.table_id, s.snapshot_id order by s.collected_at desc) as nth
    from landed_table_snapshots s
    where s.operation = 'append'
),
rates as (
    select
        table_id, count(*) as commits, sum(files) as files, sum(bytes) as bytes, bool_or(is_flink) as is_flink,
        -- Up to the last whole day, and not of a few minutes.
        greatest(date_diff('minute', min(committed_at), max(committed_at)) / 1440.0, 0.5) as days
    from commits
    where nth = 1
    group by table_id
),
wasteful as (
    select
        t.table_id, t.team, r.is_flink, r.commits / r.days as commits_a_day, r.files / r.days as files_a_day, r.bytes / greatest(r.files, 1) as file_bytes,
        -- A commit an hour has as many files as one of a few minutes: one a writer and partition.
        least(l.limit_good_commits_a_day * r.files / greatest(r.commits, 1), r.files / r.days) as good_files_a_day,
        l.limit_good_commits_a_day, l.limit_trino_open_ms, l.limit_spark_open_ms
    from rates r
    join waste_tables t on t.table_id = r.table_id
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    where l.limit_enabled > 0
        and r.commits / r.days >= l.limit_min_commits_a_day
        and r.bytes / greatest(r.files, 1) < l.limit_max_file_bytes
        and not list_has_any(json_keys(t.props), l.limit_freshness_properties)
),
costs as (
    select
        w.table_id, r.billing_currency, r.usage_date, 'workload' as pot_kind, r.workload as pot, sum(r.scans) as scans,
        -- A scan opens those of the newest day beside what it would have opened.
        sum(r.scans * least(r.files_a_scan, w.files_a_day) * (1 - w.good_files_a_day / w.files_a_day)
            * coalesce(r.core_ms_price, 0)
            * case when r.engine = 'trino' then w.limit_trino_open_ms else w.limit_spark_open_ms end) as amount
    from wasteful w
    join waste_reads r on r.table_id = w.table_id
    group by all
    union all
    select w.table_id, r.billing_currency, r.usage_date, 'table', w.table_id, 0,
        sum(r.scans * least(r.files_a_scan, w.files_a_day) * (1 - w.good_files_a_day / w.files_a_day) * 2 * q.get_price)
    from wasteful w
    join waste_reads r on r.table_id = w.table_id
    join waste_request_prices q on q.billing_currency = r.billing_currency
    group by all
    union all
    select w.table_id, q.billing_currency, p.usage_date, 'table', w.table_id, 0,
        -- Metadata, list and manifest a commit, those before it read, and a PUT a file.
        (w.commits_a_day - w.limit_good_commits_a_day) * 3 * (q.put_price + q.get_price)
            + greatest(w.files_a_day - w.good_files_a_day, 0) * q.put_price
    from wasteful w
    cross join waste_request_prices q
    join (select distinct usage_date, billing_currency from waste_byte_prices) p on p.billing_currency = q.billing_currency
),
summed as (
    select table_id, billing_currency, pot_kind, pot, usage_date, sum(amount) as amount, sum(scans) as scans from costs group by all
),
scanned as (
    select table_id, billing_currency, sum(scans) as scans from summed group by all
)
select
    'tiny-commits' as detector, 'table' as subject_kind, w.table_id as subject, w.team, c.billing_currency,
    0.0 as fix_cost, 28 as rate_days, 'high' as confidence,
    json_object(
        'commits_a_day', round(w.commits_a_day), 'files_a_day', round(w.files_a_day), 'mean_file_bytes', round(w.file_bytes), 'scans', n.scans
    ) as evidence,
    ['no property promises freshness'] as guards,
    case when w.is_flink then '-- in the configuration of the Flink job that writes it: execution.checkpointing.interval: 60 min'
            else '-- in the stream that writes it, of Spark: .trigger(processingTime="60 minutes")' end || chr(10)
        || 'ALTER TABLE ' || spark_name(w.table_id) || ' SET TBLPROPERTIES (''write.distribution-mode'' = ''hash'');' as action,
    list(struct_pack(pot_kind := c.pot_kind, pot := c.pot, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(round(greatest(c.amount, 0), 12) as decimal(38, 12))) order by c.usage_date, c.pot_kind, c.pot) as claims
from wasteful w
join summed c on c.table_id = w.table_id
join scanned n on n.table_id = c.table_id and n.billing_currency = c.billing_currency
group by all
