-- One row per table and currency that is written and that nobody reads, in 90 days or all that
-- is known of reads if that is less (three weeks at least): its objects and the runs that write it. Who reads
-- only to write it again is no reader. Not younger ones, nor where a property asks to keep it, nor copies,
-- which are a finding of their own, nor where another name stands for the same place: readers may use that one.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['unused-table.enabled'] as limit_enabled,
        words['unused-table.hold_properties'] as limit_hold_properties,
        number['unused-table.min_history_days'] as limit_min_history_days,
        number['unused-table.unread_days'] as limit_unread_days,
        number['unused-table.min_age_days'] as limit_min_age_days
    from waste_limits
),
observed as (
    -- Since when reads are known.
    select min(read_on) as first_on, max(read_on) as last_on from stg_table_access
),
logged as (
    select min(r.usage_date) as first_on, max(r.usage_date) as last_on
    from stg_run_tables t
    join run_days r on r.engine = t.engine and r.run_id = t.run_id
    where t.access = 'read'
),
known as (
    select least(coalesce(o.first_on, l.first_on), coalesce(l.first_on, o.first_on)) as first_on from observed o cross join logged l
),
places as (
    -- However it is written, and how many tables lie there.
    select regexp_replace(trim(trailing '/' from location), '^s3[an]?://', 's3://') as place, count(*) as tables
    from waste_tables
    group by 1
),
tables as (
    select
        t.table_id, t.team, t.namespace, t.name, t.row_count, t.data_bytes, t.first_commit_at, k.last_read_on, l.limit_min_history_days, l.limit_unread_days, l.limit_min_age_days,
        -- Who read it since its readers' logs ended nobody knows.
        least(b.last_day, coalesce(z.known_until, b.last_day)) as last_day,
        date_diff('day', w.first_on, least(b.last_day, coalesce(z.known_until, b.last_day))) + 1 as known_days
    from waste_tables t
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    join places p on p.place = regexp_replace(trim(trailing '/' from t.location), '^s3[an]?://', 's3://')
    cross join waste_days b
    cross join known w
    left join waste_lookbacks k on k.table_id = t.table_id
    left join waste_silences z on z.detector = 'unused-table' and z.subject = t.table_id
    where l.limit_enabled > 0 and p.tables = 1
        and not list_has_any(json_keys(t.props), l.limit_hold_properties)
        and t.table_id not in (select subject from duplicate_table)
),
ages as (
    -- Snapshots expire: how old a table is, its oldest day of rows tells too.
    select table_id, min(rows_on) as oldest_on from waste_partitions group by table_id
),
unused as (
    select t.*, least(cast(t.first_commit_at as date), a.oldest_on) as since
    from tables t
    left join ages a on a.table_id = t.table_id
    where t.known_days >= t.limit_min_history_days
        and (t.last_read_on is null or t.last_read_on <= t.last_day - cast(t.limit_unread_days as integer))
        and least(cast(t.first_commit_at as date), a.oldest_on) <= t.last_day - cast(t.limit_min_age_days as integer)
),
daily as (
    select u.table_id, c.billing_currency, c.usage_date,
        case when c.category = 'usage' then c.run_nr end as run_nr,
        case when c.category = 'usage' then 'workload' else 'table' end as pot_kind,
        case when c.category = 'usage' then c.workload else c.table_id end as pot,
        sum(c.effective_cost) as amount
    from unused u
    join daily_costs c on c.table_id = u.table_id
    join waste_days b on c.usage_date between b.first_day and b.last_day
    group by all
)
select
    'unused-table' as detector, 'table' as subject_kind, u.table_id as subject, u.team, d.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, case when u.known_days >= u.limit_unread_days then 'medium' else 'low' end as confidence,
    json_object(
        'last_read_on', u.last_read_on, 'days_of_reads_known', u.known_days, 'bytes', u.data_bytes, 'rows', u.row_count,
        'written_by', list(distinct d.pot) filter (where d.pot_kind = 'workload'),
        'storage_cost', sum(d.amount) filter (where d.pot_kind = 'table'), 'produce_cost', sum(d.amount) filter (where d.pot_kind = 'workload')
    ) as evidence,
    [
        case when (select first_on from observed) is null then 'engines'' logs tell of no read; scan reports are not read'
            when (select first_on from logged) is null then 'scan reports tell of no read; engines'' logs name no tables'
            else 'scan reports and engines'' logs both tell of no read' end,
        'no property asks to keep it', 'it is older than ' || cast(u.limit_min_age_days as integer) || ' days'
    ] as guards,
    '-- stop what writes it, then rename it, which can be taken back:' || chr(10)
        -- A new name is one within the catalog: with that before it, all but Hive's take it for a namespace.
        || 'ALTER TABLE ' || spark_name(u.table_id) || ' RENAME TO ' || spark_name(u.namespace) || '.' || spark_part(u.name || '_unused') || ';' || chr(10)
        || '-- after a month without complaints: DROP TABLE ' || comment_text(spark_name(u.table_id || '_unused')) || ' PURGE;' as action,
    list(struct_pack(pot_kind := d.pot_kind, pot := d.pot, run_nr := d.run_nr, table_id := case when d.run_nr is not null then d.table_id end, usage_date := d.usage_date, amount := cast(d.amount as decimal(38, 12))) order by d.usage_date, d.pot_kind, d.pot, d.run_nr) as claims
from unused u
join daily d on d.table_id = u.table_id
group by u.table_id, u.team, u.namespace, u.name, d.billing_currency, u.known_days, u.limit_min_history_days, u.limit_unread_days, u.limit_min_age_days, u.last_read_on, u.data_bytes, u.row_count
