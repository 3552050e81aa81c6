-- Answers what files of another size would save their readers: one row per table and currency.
-- Saving = files opened in vain x (time to open one x price of a busy core + 2 GET); cost of the fix, as
-- of uncompacted = a month's new bytes rewritten by 2 GB of memory, and half a GB-hour a day. Where logs or collections
-- end before the bill, a month is that of the days they tell of.
with sized as (
    select
        p.table_id, sum(p.data_files) as files,
        sum(greatest(1, ceil(p.data_bytes / (1048576.0 * z.value)))) as ideal,
        coalesce(sum(p.data_bytes) filter (where p.rows_on is not null), 0) / 30.0 as bytes_a_day
    from waste_partitions p
    cross join setting z
    where p.data_files > 0 and (p.rows_on is null or p.rows_on > p.seen_on - 30)
    group by p.table_id
),
known as (
    select t.table_id, d.first_day, least(d.last_day, coalesce(z.known_until, d.last_day)) as last_day
    from (select distinct table_id from waste_reads) t
    cross join looked d
    left join waste_silences z on z.detector = 'uncompacted' and z.subject = t.table_id
),
opened as (
    select
        r.table_id, r.billing_currency, r.scans, r.effective_cost, r.scans * r.files_a_scan as files,
        case when r.engine = 'trino' then l.number['uncompacted.trino_open_ms'] else l.number['uncompacted.spark_open_ms'] end * coalesce(r.core_ms_price, 0) as open_cost,
        2 * coalesce(q.get_price, 0) as request_cost,
        date_diff('day', d.first_day, d.last_day) + 1 as days
    from waste_reads r
    join known d on d.table_id = r.table_id and r.usage_date between d.first_day and d.last_day
    join limits l on l.subject_kind = 'table' and l.subject = r.table_id
    left join waste_request_prices q on q.billing_currency = r.billing_currency
)
select
    o.table_id as subject, o.billing_currency,
    sum(cast(o.effective_cost as double) + o.files * o.request_cost) / any_value(o.days) * 30.4375 as cost,
    sum(o.files * greatest(0, 1 - s.ideal / s.files) * (o.open_cost + o.request_cost)) / any_value(o.days) * 30.4375 as saving,
    30.4375 * coalesce(any_value(m.gb_hour_price), 0)
        * (any_value(s.bytes_a_day) / any_value(l.number['uncompacted.rewrite_bytes_per_second']) / 3600 * 2 + 0.5) as fix_cost,
    format('{:,}', cast(any_value(s.files) as bigint)) || ' files of the last 30 days would be ' || format('{:,}', cast(any_value(s.ideal) as bigint))
        || '; ' || format('{:,}', cast(sum(o.scans) as bigint)) || ' scans' as note
from opened o
join sized s on s.table_id = o.table_id
join limits l on l.subject_kind = 'table' and l.subject = o.table_id
left join waste_memory_prices m on m.billing_currency = o.billing_currency
group by o.table_id, o.billing_currency
