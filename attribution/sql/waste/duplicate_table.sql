-- One row per copy of a table and currency: another table has the same columns, the same
-- partitions and as many rows within a percent, and nobody reads this one. Of two that nobody reads, the
-- younger or, at one age, the later name is the copy. Where rows have days, they are as many day by day too. As of
-- unused tables, three weeks of reads are known, and the copy is older than a month: one made yesterday may be in use
-- tomorrow. One place under two names is one table.
-- Waste = all the copy costs: its objects and the runs that write it.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['duplicate-table.enabled'] as limit_enabled,
        number['duplicate-table.max_row_gap'] as limit_max_row_gap,
        number['duplicate-table.max_day_gap'] as limit_max_day_gap,
        number['unused-table.min_history_days'] as limit_min_history_days,
        number['unused-table.min_age_days'] as limit_min_age_days
    from waste_limits
),
known as (
    -- Since when reads are known.
    select min(first_on) as first_on
    from (
        select min(read_on) as first_on from stg_table_access
        union all
        select min(r.usage_date)
        from stg_run_tables t
        join run_days r on r.engine = t.engine and r.run_id = t.run_id
        where t.access = 'read'
    ) reads
),
ages as (
    -- Snapshots expire: how old a table is, its oldest day of rows tells too.
    select table_id, min(rows_on) as oldest_on from waste_partitions group by table_id
),
candidates as (
    select t.table_id, t.team, t.schema_hash, t.partition_spec, t.row_count, t.catalog, t.namespace, t.name, t.first_commit_at, t.props,
        -- One place, however it is written.
        regexp_replace(trim(trailing '/' from t.location), '^s3[an]?://', 's3://') as place,
        least(cast(t.first_commit_at as date), a.oldest_on) as since,
        -- Who read it since its readers' logs ended nobody knows.
        least(b.last_day, coalesce(z.known_until, b.last_day)) as last_day,
        date_diff('day', w.first_on, least(b.last_day, coalesce(z.known_until, b.last_day))) + 1 as known_days,
        coalesce(k.reads, 0) as reads, l.limit_max_row_gap, l.limit_max_day_gap, l.limit_min_history_days, l.limit_min_age_days
    from waste_tables t
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    cross join waste_days b
    cross join known w
    left join waste_lookbacks k on k.table_id = t.table_id
    left join ages a on a.table_id = t.table_id
    left join waste_silences z on z.detector = 'duplicate-table' and z.subject = t.table_id
    where t.schema_hash is not null and t.row_count > 0 and l.limit_enabled > 0
),
rows_of_days as (
    select table_id, rows_on, sum(row_count) as row_count
    from waste_partitions
    where rows_on is not null
    group by table_id, rows_on
),
pairs as (
    select
        c.table_id, o.table_id as original, c.row_count, o.row_count as original_rows, o.reads as original_reads, c.limit_max_day_gap,
        c.table_id in (select table_id from rows_of_days) or o.table_id in (select table_id from rows_of_days) as has_days
    from candidates c
    join candidates o
        on o.schema_hash = c.schema_hash and o.partition_spec is not distinct from c.partition_spec
        and o.table_id <> c.table_id and o.place <> c.place
        and abs(o.row_count - c.row_count) <= c.limit_max_row_gap * greatest(o.row_count, c.row_count)
    where c.reads = 0
        and c.known_days >= c.limit_min_history_days
        and c.since <= c.last_day - cast(c.limit_min_age_days as integer)
        and (o.reads > 0 or o.first_commit_at < c.first_commit_at or (o.first_commit_at is not distinct from c.first_commit_at and o.table_id < c.table_id))
        and not list_has_any(json_keys(c.props), ['retention.policy', 'legal.hold'])
),
days_of_pairs as (
    select
        p.table_id, p.original, r.rows_on,
        sum(case when r.table_id = p.table_id then r.row_count else 0 end) as row_count,
        sum(case when r.table_id = p.original then r.row_count else 0 end) as original_rows
    from pairs p
    join rows_of_days r on r.table_id in (p.table_id, p.original)
    group by p.table_id, p.original, r.rows_on
),
reached as (
    -- The days that both have reached: either may drop old ones sooner, or get the newest later.
    select
        table_id, original,
        greatest(min(rows_on) filter (where row_count > 0), min(rows_on) filter (where original_rows > 0)) as from_on,
        least(max(rows_on) filter (where row_count > 0), max(rows_on) filter (where original_rows > 0)) as to_on
    from days_of_pairs
    group by table_id, original
),
gaps as (
    select
        d.table_id, d.original, count(*) as days,
        avg(abs(d.row_count - d.original_rows) / cast(greatest(d.row_count, d.original_rows, 1) as double)) as gap
    from days_of_pairs d
    join reached r on r.table_id = d.table_id and r.original = d.original and d.rows_on between r.from_on and r.to_on
    group by d.table_id, d.original
),
compared as (
    -- Day by day too: tables of one shape may hold as many rows by chance. Of several originals, the most read.
    select
        p.*, coalesce(g.days, 0) as days, coalesce(g.gap, 0) as gap,
        row_number() over (partition by p.table_id order by p.original_reads desc, p.original) as nth
    from pairs p
    left join gaps g on g.table_id = p.table_id and g.original = p.original
    where (g.gap is null and not p.has_days) or g.gap <= p.limit_max_day_gap
),
alike as (
    select * from compared where nth = 1
),
daily as (
    select a.table_id, c.billing_currency, c.usage_date,
        case when c.category = 'usage' then c.run_nr end as run_nr,
        case when c.category = 'usage' then 'workload' else 'table' end as pot_kind,
        case when c.category = 'usage' then c.workload else c.table_id end as pot,
        sum(c.effective_cost) as amount
    from alike a
    join daily_costs c on c.table_id = a.table_id
    join waste_days b on c.usage_date between b.first_day and b.last_day
    group by all
)
select
    'duplicate-table' as detector, 'table' as subject_kind, a.table_id as subject, c.team, d.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'low' as confidence,
    json_object(
        'original', a.original, 'rows', a.row_count, 'original_rows', a.original_rows, 'original_reads', a.original_reads,
        'days_compared', a.days, 'mean_gap_share_of_a_day', round(a.gap, 4), 'days_of_reads_known', c.known_days
    ) as evidence,
    [
        'same columns, same partitions, as many rows' || case when a.days > 0 then ', day by day' else '' end, 'it lies elsewhere',
        'nobody reads the copy', 'no property asks to keep it', 'it is older than ' || cast(c.limit_min_age_days as integer) || ' days'
    ] as guards,
    '-- read ' || comment_text(a.original) || ' instead, stop what writes the copy, then rename it, which can be taken back:' || chr(10)
        -- A new name is one within the catalog: with that before it, all but Hive's take it for a namespace.
        || 'ALTER TABLE ' || spark_name(a.table_id) || ' RENAME TO ' || spark_name(c.namespace) || '.' || spark_part(c.name || '_copy') || ';' || chr(10)
        || '-- after a month without complaints: DROP TABLE ' || comment_text(spark_name(a.table_id || '_copy')) || ' PURGE;' as action,
    list(struct_pack(pot_kind := d.pot_kind, pot := d.pot, run_nr := d.run_nr, table_id := case when d.run_nr is not null then d.table_id end, usage_date := d.usage_date, amount := cast(d.amount as decimal(38, 12))) order by d.usage_date, d.pot_kind, d.pot, d.run_nr) as claims
from alike a
join candidates c on c.table_id = a.table_id
join daily d on d.table_id = a.table_id
group by all
