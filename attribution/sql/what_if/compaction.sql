-- Answers what files of another size would save their readers: one row per table and currency.
-- Saving = files opened in vain x (45 ms of Spark or 8 ms of Trino x price of a busy core + 2 GET).
with sized as (
    select
        table_id, sum(data_files) as files,
        sum(greatest(1, ceil(data_bytes / (1048576.0 * (select value from setting))))) as ideal
    from waste_partitions p
    cross join waste_days d
    where data_files > 0 and (rows_on is null or rows_on > d.last_day - 30)
    group by table_id
)
select
    r.table_id as subject, r.billing_currency,
    cast(sum(r.effective_cost) as double) / any_value(b.days) * 30.4375 as cost,
    sum(r.scans * r.files_a_scan * greatest(0, 1 - s.ideal / s.files) * (
        case when r.engine = 'trino' then 8 else 45 end * coalesce(r.core_ms_price, 0) + 2 * coalesce(q.get_price, 0)
    )) / any_value(b.days) * 30.4375 as saving,
    any_value(s.files) || ' files of the last 30 days would be ' || cast(any_value(s.ideal) as bigint) || '; ' || sum(r.scans) || ' scans' as note
from waste_reads r
join sized s on s.table_id = r.table_id
left join waste_request_prices q on q.billing_currency = r.billing_currency
cross join (select date_diff('day', first_day, last_day) + 1 as days from waste_days) b
group by r.table_id, r.billing_currency
