-- One row per table and currency to which a stream commits all the time: a hundred and more
-- commits a day, of files under 8 MB, without a promise of freshness.
-- Waste = requests of the commits and files beyond those of one an hour, and what readers pay to
-- open the files of the newest day, before they are compacted. Each day counts by its own commits; one whose snapshots
-- had expired before anybody collected them, by those of the nearest day that is known, the next before the last.
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
many as (
    -- Tables that may be meant: of so many commits that a quarter of a day would be enough.
    select distinct table_id
    from landed_table_snapshots
    where operation = 'append'
    group by table_id, collected_at, cast(committed_at as date)
    having 4 * count(*) >= (select min(limit_min_commits_a_day) from limits)
),
snapshots as (
    -- Of each collection, with the snapshot before it: the time between them is known. One that is not its parent
    -- stands beside others that have expired.
    select
        table_id, snapshot_id, collected_at, committed_at, operation = 'append' as is_append, coalesce(added_data_files, 0) as files,
        coalesce(added_bytes, 0) as bytes, coalesce(summary, '') like '%flink.%' as is_flink,
        case when coalesce(parent_id, lag(snapshot_id) over earlier) = lag(snapshot_id) over earlier
            then lag(committed_at) over earlier end as before_at
    from landed_table_snapshots
    where table_id in (select table_id from many)
    window earlier as (partition by table_id, collected_at order by committed_at, snapshot_id)
),
known as (
    select
        *,
        row_number() over (
            partition by table_id, snapshot_id order by case when before_at is null then 1 else 0 end, collected_at desc
        ) as nth
    from snapshots
),
told as (
    -- Days of whose time a quarter and more is known, or with so many commits whatever came after them: a few minutes
    -- alone tell of no day.
    select
        table_id, cast(committed_at as date) as day,
        case when sum(date_diff('second', before_at, committed_at)) >= 21600
            then sum(date_diff('second', before_at, committed_at)) / 86400.0 else 1.0 end as days,
        count(*) filter (where is_append) as commits,
        coalesce(sum(files) filter (where is_append), 0) as files, coalesce(sum(bytes) filter (where is_append), 0) as bytes,
        bool_or(is_append and is_flink) as is_flink
    from known
    where nth = 1 and before_at is not null
    group by table_id, cast(committed_at as date)
    having sum(date_diff('second', before_at, committed_at)) >= 21600
        or count(*) filter (where is_append) >= (select min(limit_min_commits_a_day) from limits)
),
busy as (
    select t.table_id, t.team, l.*
    from waste_tables t
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    where l.limit_enabled > 0
        and not list_has_any(json_keys(t.props), l.limit_freshness_properties)
        and t.table_id in (select d.table_id from told d where d.commits / d.days >= l.limit_min_commits_a_day)
),
spans as (
    -- From the first snapshot of a collection after which none is missing to when it was made.
    select table_id, cast(max(committed_at) filter (where before_at is null) as date) as first_on, cast(collected_at as date) as last_on
    from snapshots
    group by table_id, collected_at
),
billed as (
    select b.table_id, y.day
    from busy b
    cross join (select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as day from waste_days) y
),
rates as (
    select table_id, day, commits / days as commits_a_day, files / days as files_a_day, bytes / greatest(files, 1) as file_bytes, is_flink
    from told
    where table_id in (select table_id from busy)
    union all
    -- A day without commits.
    select b.table_id, b.day, 0, 0, 0, false
    from billed b
    where not exists (select 1 from told t where t.table_id = b.table_id and t.day = b.day)
        and exists (select 1 from spans s where s.table_id = b.table_id and s.first_on < b.day and b.day < s.last_on)
),
rated as (
    select
        b.table_id, b.day as usage_date,
        case when n.day is null then p.commits_a_day else n.commits_a_day end as commits_a_day,
        case when n.day is null then p.files_a_day else n.files_a_day end as files_a_day,
        case when n.day is null then p.file_bytes else n.file_bytes end as file_bytes,
        case when n.day is null then p.is_flink else n.is_flink end as is_flink
    from billed b
    asof left join rates n on n.table_id = b.table_id and b.day <= n.day
    asof left join rates p on p.table_id = b.table_id and b.day >= p.day
),
wasteful as (
    select
        b.table_id, b.team, r.usage_date, r.commits_a_day, r.files_a_day, r.file_bytes, r.is_flink,
        -- A commit an hour has as many files as one of a few minutes: one a writer and partition.
        least(b.limit_good_commits_a_day * r.files_a_day / r.commits_a_day, r.files_a_day) as good_files_a_day,
        b.limit_good_commits_a_day, b.limit_trino_open_ms, b.limit_spark_open_ms
    from rated r
    join busy b on b.table_id = r.table_id
    where r.commits_a_day >= b.limit_min_commits_a_day
        and r.files_a_day > 0
        and r.file_bytes < b.limit_max_file_bytes
),
newest as (
    -- As it was on the last of these days.
    select
        table_id, team, arg_max(commits_a_day, usage_date) as commits_a_day, arg_max(files_a_day, usage_date) as files_a_day,
        arg_max(file_bytes, usage_date) as file_bytes, bool_or(is_flink) as is_flink
    from wasteful
    group by table_id, team
),
costs as (
    select
        w.table_id, r.billing_currency, r.usage_date, 'workload' as pot_kind, r.workload as pot, sum(r.scans) as scans,
        -- A scan opens those of the newest day beside what it would have opened.
        sum(r.scans * least(r.files_a_scan, w.files_a_day) * (1 - w.good_files_a_day / w.files_a_day)
            * coalesce(r.core_ms_price, 0)
            * case when r.engine = 'trino' then w.limit_trino_open_ms else w.limit_spark_open_ms end) as amount
    from wasteful w
    join waste_reads r on r.table_id = w.table_id and r.usage_date = w.usage_date
    group by all
    union all
    select w.table_id, r.billing_currency, r.usage_date, 'table', w.table_id, 0,
        sum(r.scans * least(r.files_a_scan, w.files_a_day) * (1 - w.good_files_a_day / w.files_a_day) * 2 * q.get_price)
    from wasteful w
    join waste_reads r on r.table_id = w.table_id and r.usage_date = w.usage_date
    join waste_request_prices q on q.billing_currency = r.billing_currency
    group by all
    union all
    select w.table_id, q.billing_currency, p.usage_date, 'table', w.table_id, 0,
        -- Metadata, list and manifest a commit, those before it read, and a PUT a file.
        (w.commits_a_day - w.limit_good_commits_a_day) * 3 * (q.put_price + q.get_price)
            + greatest(w.files_a_day - w.good_files_a_day, 0) * q.put_price
    from wasteful w
    cross join waste_request_prices q
    join (select distinct usage_date, billing_currency from waste_byte_prices) p
        on p.billing_currency = q.billing_currency and p.usage_date = w.usage_date
),
summed as (
    select table_id, billing_currency, pot_kind, pot, usage_date, sum(amount) as amount, sum(scans) as scans from costs group by all
),
scanned as (
    select table_id, billing_currency, sum(scans) as scans from summed group by all
)
select
    'tiny-commits' as detector, 'table' as subject_kind, w.table_id as subject, w.team, c.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'high' as confidence,
    json_object(
        'commits_a_day', round(w.commits_a_day), 'files_a_day', round(w.files_a_day), 'mean_file_bytes', round(w.file_bytes), 'scans', n.scans
    ) as evidence,
    ['no property promises freshness'] as guards,
    case when w.is_flink then '-- in the configuration of the Flink job that writes it: execution.checkpointing.interval: 60 min'
            else '-- in the stream that writes it, of Spark: .trigger(processingTime="60 minutes")' end || chr(10)
        || 'ALTER TABLE ' || spark_name(w.table_id) || ' SET TBLPROPERTIES (''write.distribution-mode'' = ''hash'');' as action,
    list(struct_pack(pot_kind := c.pot_kind, pot := c.pot, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(round(greatest(c.amount, 0), 12) as decimal(38, 12))) order by c.usage_date, c.pot_kind, c.pot) as claims
from newest w
join summed c on c.table_id = w.table_id
join scanned n on n.table_id = c.table_id and n.billing_currency = c.billing_currency
group by all
