-- One row per table and currency whose partitions are too small: a hundred and more, one file
-- each or less, half of them under 16 MB. Days written in the last week alone do not count.
-- Waste = as of small files: files opened in vain x (time to open one x what a core's time cost
-- the readers + 2 GET); in vain: what one partition a day would make needless.
-- Cost of the fix, as of small files: what lies in the table rewritten once, and 0.5 GB-h.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['over-partitioning.enabled'] as limit_enabled,
        number['over-partitioning.min_partitions'] as limit_min_partitions,
        number['over-partitioning.max_partition_bytes'] as limit_max_partition_bytes,
        number['uncompacted.trino_open_ms'] as limit_trino_open_ms,
        number['uncompacted.spark_open_ms'] as limit_spark_open_ms,
        number['uncompacted.rewrite_bytes_per_second'] as limit_rewrite_bytes_per_second
    from waste_limits
),
partitions as (
    select
        p.*, t.team, t.catalog, t.namespace, t.name, t.partition_spec, t.data_bytes as table_bytes, l.limit_min_partitions,
        l.limit_max_partition_bytes, l.limit_trino_open_ms, l.limit_spark_open_ms, l.limit_rewrite_bytes_per_second
    from waste_partitions p
    join waste_tables t on t.table_id = p.table_id
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    where p.data_files > 0 and l.limit_enabled > 0
),
recent as (
    -- How it is written now: older days may be laid out otherwise.
    select * from partitions where rows_on is null or rows_on > seen_on - 30
),
days as (
    select table_id, rows_on, sum(data_files) as files, greatest(1, ceil(sum(data_bytes) / cast(max(target_file_bytes) as double))) as ideal
    from recent
    group by table_id, rows_on
),
wasteful as (
    select
        r.table_id, r.team, r.catalog, r.namespace, r.name, r.partition_spec, r.table_bytes, r.limit_min_partitions,
        r.limit_max_partition_bytes, r.limit_trino_open_ms, r.limit_spark_open_ms, r.limit_rewrite_bytes_per_second,
        -- The field that is a day itself.
        min(regexp_extract(r.partition, '([^/=]+)=\d{4}-\d{2}-\d{2}', 1)) filter (where r.rows_on is not null) as day_field,
        count(*) as partitions, median(r.data_bytes) as median_bytes, avg(r.data_files) as files_a_partition,
        (select sum(files) from days d where d.table_id = r.table_id) as files,
        (select sum(ideal) from days d where d.table_id = r.table_id) as ideal
    from recent r
    group by r.table_id, r.team, r.catalog, r.namespace, r.name, r.partition_spec, r.table_bytes, r.limit_min_partitions,
        r.limit_max_partition_bytes, r.limit_trino_open_ms, r.limit_spark_open_ms, r.limit_rewrite_bytes_per_second
    having count(*) >= r.limit_min_partitions
        and median(r.data_bytes) < r.limit_max_partition_bytes
        and median(r.data_files) <= 1
),
fields as (
    -- Of its spec, where all are plain: a column, or a transform of one, with a number where it has one.
    select
        table_id, day_field,
        case when regexp_full_match(
            partition_spec,
            '(?:[a-z]+\((?:[0-9]+, ?)?[A-Za-z_][A-Za-z0-9_.]*\)|[A-Za-z_][A-Za-z0-9_.]*)(?:, (?:[a-z]+\((?:[0-9]+, ?)?[A-Za-z_][A-Za-z0-9_.]*\)|[A-Za-z_][A-Za-z0-9_.]*))*'
        ) then regexp_extract_all(partition_spec, '[a-z]+\([^)]*\)|[A-Za-z_][A-Za-z0-9_.]*') else [] end as named
    from wasteful
),
specs as (
    -- What leaves a partition a day: hours become days, what is no time goes.
    select
        table_id,
        list_transform(
            list_filter(named, lambda f: not regexp_matches(f, '^(years|months|days)\(') and f is distinct from day_field),
            lambda f: case
                when f like 'hours(%' and not list_contains(named, 'days(' || substr(f, 7))
                    then 'REPLACE PARTITION FIELD ' || f || ' WITH days(' || substr(f, 7)
                else 'DROP PARTITION FIELD ' || f
            end
        ) as changes
    from fields
),
costs as (
    select
        w.table_id, r.billing_currency, r.usage_date, 'workload' as pot_kind, r.workload as pot, sum(r.scans) as scans, bool_and(r.files_are_told) as are_told,
        sum(r.scans * r.files_a_scan * (1 - w.ideal / w.files) * coalesce(r.core_ms_price, 0)
            * case when r.engine = 'trino' then w.limit_trino_open_ms else w.limit_spark_open_ms end) as amount
    from wasteful w
    join waste_reads r on r.table_id = w.table_id
    group by all
    union all
    select w.table_id, r.billing_currency, r.usage_date, 'table', w.table_id, 0, true,
        sum(r.scans * r.files_a_scan * (1 - w.ideal / w.files) * 2 * q.get_price)
    from wasteful w
    join waste_reads r on r.table_id = w.table_id
    join waste_request_prices q on q.billing_currency = r.billing_currency
    group by all
),
scanned as (
    select table_id, billing_currency, sum(scans) as scans, bool_and(are_told) as are_told from costs group by all
)
select
    'over-partitioning' as detector, 'table' as subject_kind, w.table_id as subject, w.team, c.billing_currency,
    coalesce(m.gb_hour_price, 0) * (w.table_bytes / w.limit_rewrite_bytes_per_second / 3600 * 2 + 0.5) as fix_cost,
    cast(null as integer) as rate_days, case when n.are_told then 'medium' else 'low' end as confidence,
    json_object(
        'partitions_of_30_days', w.partitions, 'median_partition_bytes', w.median_bytes, 'files', w.files, 'files_by_day_alone', w.ideal,
        'partition_spec', w.partition_spec, 'scans', n.scans, 'files_opened_are_told', n.are_told
    ) as evidence,
    ['the last 30 days are judged', 'one file a partition: compaction would not help'] as guards,
    coalesce(list_aggregate(
            list_transform(s.changes, lambda c: 'ALTER TABLE ' || spark_name(w.table_id) || ' ' || c || ';'), 'string_agg', chr(10)
        ), '-- leave days alone in its partition spec') || chr(10)
        || 'CALL ' || spark_part(w.catalog) || '.system.rewrite_data_files(table => ' || spark_text(spark_name(w.namespace) || '.' || spark_part(w.name)) || ', options => map(''rewrite-all'', ''true''));' as action,
    list(struct_pack(pot_kind := c.pot_kind, pot := c.pot, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(round(c.amount, 12) as decimal(38, 12))) order by c.usage_date, c.pot_kind, c.pot) as claims
from wasteful w
join specs s on s.table_id = w.table_id
join costs c on c.table_id = w.table_id
left join waste_memory_prices m on m.billing_currency = c.billing_currency
join scanned n on n.table_id = c.table_id and n.billing_currency = c.billing_currency
group by all
