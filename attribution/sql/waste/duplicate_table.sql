-- One row per copy of a table and currency: another table has the same columns, the same
-- partitions and as many rows within a percent, and nobody reads this one. Of two that nobody reads, the
-- younger or, at one age, the later name is the copy.
-- Waste = all the copy costs: its objects and the runs that write it.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['duplicate-table.enabled'] as limit_enabled,
        number['duplicate-table.max_row_gap'] as limit_max_row_gap
    from waste_limits
),
candidates as (
    select t.table_id, t.team, t.schema_hash, t.partition_spec, t.row_count, t.catalog, t.namespace, t.name, t.first_commit_at, t.props,
        coalesce(k.reads, 0) as reads, l.limit_max_row_gap
    from waste_tables t
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    left join waste_lookbacks k on k.table_id = t.table_id
    where t.schema_hash is not null and t.row_count > 0 and l.limit_enabled > 0
),
rows_of_days as (
    select table_id, rows_on, sum(row_count) as row_count
    from waste_partitions
    where rows_on is not null
    group by table_id, rows_on
),
pairs as (
    select c.table_id, o.table_id as original, c.row_count, o.row_count as original_rows, o.reads as original_reads,
        row_number() over (partition by c.table_id order by o.reads desc, o.table_id) as nth
    from candidates c
    join candidates o
        on o.schema_hash = c.schema_hash and o.partition_spec is not distinct from c.partition_spec
        and o.table_id <> c.table_id
        and abs(o.row_count - c.row_count) <= c.limit_max_row_gap * greatest(o.row_count, c.row_count)
    where c.reads = 0
        and (o.reads > 0 or o.first_commit_at < c.first_commit_at or (o.first_commit_at is not distinct from c.first_commit_at and o.table_id < c.table_id))
        and not list_has_any(json_keys(c.props), ['retention.policy', 'legal.hold'])
),
alike as (
    -- Day by day too: tables of one shape may hold as many rows by chance.
    select p.table_id, p.original, p.row_count, p.original_rows, p.original_reads,
        count(a.rows_on) as days, coalesce(avg(abs(a.row_count - b.row_count) / greatest(b.row_count, 1)), 0) as gap
    from pairs p
    left join rows_of_days a on a.table_id = p.table_id
    left join rows_of_days b on b.table_id = p.original and b.rows_on = a.rows_on
    where p.nth = 1
    group by all
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
    0.0 as fix_cost, 28 as rate_days, 'low' as confidence,
    json_object(
        'original', a.original, 'rows', a.row_count, 'original_rows', a.original_rows, 'original_reads', a.original_reads,
        'days_compared', a.days, 'mean_gap_share_of_a_day', round(a.gap, 4)
    ) as evidence,
    ['same columns, same partitions, as many rows', 'nobody reads the copy', 'no property asks to keep it'] as guards,
    '-- read ' || comment_text(a.original) || ' instead, stop what writes the copy, then rename it, which can be taken back:' || chr(10)
        || 'ALTER TABLE ' || spark_name(a.table_id) || ' RENAME TO ' || spark_name(a.table_id || '_copy') || ';' || chr(10)
        || '-- after a month without complaints: DROP TABLE ' || comment_text(spark_name(a.table_id || '_copy')) || ' PURGE;' as action,
    list(struct_pack(pot_kind := d.pot_kind, pot := d.pot, run_nr := d.run_nr, table_id := case when d.run_nr is not null then d.table_id end, usage_date := d.usage_date, amount := cast(d.amount as decimal(38, 12))) order by d.usage_date, d.pot_kind, d.pot, d.run_nr) as claims
from alike a
join candidates c on c.table_id = a.table_id
join daily d on d.table_id = a.table_id
group by all
