-- One row per table with bytes beside its live ones (orphans, what old snapshots hold, metadata)
-- and UTC day: how many there were of those there are now, as a share, by the inventories of its
-- location less the days of rows that were live (one no longer kept: by the trend of those that are).
-- Key: table_id, usage_date
with tables as (
    select t.table_id, t.bucket, t.data_bytes, t.collected_at
    from waste_tables t
    where coalesce(t.orphaned_bytes, 0) > 0.04 * t.data_bytes or t.snapshots > 500
),
days as (
    select p.table_id, p.rows_on, cast(sum(p.data_bytes) as double) as bytes
    from waste_partitions p
    join tables t on t.table_id = p.table_id
    where p.rows_on is not null
    group by p.table_id, p.rows_on
),
spans as (
    -- And the trend of a day's bytes, for days that are no longer kept.
    select
        table_id, min(rows_on) as oldest_on, max(rows_on) as newest_on,
        regr_slope(bytes, epoch(cast(rows_on as timestamp)) / 86400) as slope,
        regr_intercept(bytes, epoch(cast(rows_on as timestamp)) / 86400) as intercept
    from (select *, max(rows_on) over (partition by table_id) as last_on from days) d
    where rows_on < last_on
    group by table_id
),
listed as (
    select s.table_id, s.collected_on, cast(s.stored_bytes - s.noncurrent_bytes as double) as listed_bytes
    from stg_storage s
    join tables t on t.table_id = s.table_id and t.bucket = s.bucket
    where s.storage_class = '*'
),
rolling as (
    -- Days are dropped as they age: snapshots of the last days delete files.
    select distinct s.table_id
    from landed_table_snapshots s
    join tables t on t.table_id = s.table_id and t.collected_at = s.collected_at
    where s.operation = 'delete' and s.removed_bytes > 0
),
windows as (
    -- Which days were live when an inventory was made: as many as now, as far behind it as now.
    select
        l.table_id, l.collected_on, l.listed_bytes, t.data_bytes, s.oldest_on, s.slope, s.intercept, y.first_day,
        r.table_id is not null as is_rolling,
        cast(l.collected_on - cast(date_diff('day', s.newest_on, n.newest_listed_on) as integer) as date) as to_on,
        cast(l.collected_on - cast(date_diff('day', s.oldest_on, n.newest_listed_on) as integer) as date) as from_on
    from listed l
    join (select table_id, max(collected_on) as newest_listed_on from listed group by table_id) n on n.table_id = l.table_id
    join tables t on t.table_id = l.table_id
    cross join waste_days y
    left join spans s on s.table_id = l.table_id
    left join rolling r on r.table_id = l.table_id
),
missing as (
    -- Days of the window that are no longer kept: those before the first day that is known of, and the rest.
    select
        w.*,
        greatest(0, date_diff('day', from_on, least(to_on + 1, oldest_on, first_day))) as days_before,
        greatest(0, date_diff('day', greatest(from_on, first_day), least(to_on + 1, oldest_on))) as days_after
    from windows w
),
live as (
    select
        w.table_id, w.collected_on, w.listed_bytes,
        case
            when w.oldest_on is null then cast(w.data_bytes as double)
            else coalesce((
                select sum(d.bytes) from days d
                where d.table_id = w.table_id and d.rows_on <= w.to_on and (not w.is_rolling or d.rows_on >= w.from_on)
            ), 0) + case
                -- By the trend at their middle; before the first day known it is not followed.
                when w.is_rolling then
                    w.days_before * greatest(0, w.intercept + w.slope * epoch(cast(w.first_day as timestamp)) / 86400)
                    + w.days_after * greatest(0, w.intercept + w.slope * (
                        epoch(cast(greatest(w.from_on, w.first_day) as timestamp)) / 86400 + (w.days_after - 1) / 2.0
                    ))
                else 0
            end
        end as live_bytes
    from missing w
),
beside as (
    select table_id, collected_on, greatest(listed_bytes - live_bytes, 0) as bytes
    from live
),
newest as (
    select table_id, arg_max(bytes, collected_on) as bytes from beside group by table_id
),
first_two as (
    -- By how much it grew a day between the first two inventories: that is followed back.
    select table_id, min(collected_on) as first_on, arg_min(bytes, collected_on) as first_bytes,
        (arg_max(bytes, collected_on) - arg_min(bytes, collected_on))
            / nullif(date_diff('day', min(collected_on), max(collected_on)), 0) as slope
    from (select *, row_number() over (partition by table_id order by collected_on) as nth from beside) b
    where nth <= 2
    group by table_id
),
neighbours as (
    -- The inventory before each day and the one after it.
    select
        t.table_id, y.day as usage_date,
        (select max(b.collected_on) from beside b where b.table_id = t.table_id and b.collected_on <= y.day) as before_on,
        (select min(b.collected_on) from beside b where b.table_id = t.table_id and b.collected_on >= y.day) as after_on
    from tables t
    cross join (select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as day from waste_days) y
)
select
    n.table_id, n.usage_date,
    least(1.5, case
        when coalesce(b.bytes, a.bytes) is null or w.bytes = 0 then 1
        when b.bytes is null then greatest(0, a.bytes - greatest(coalesce(f.slope, 0), 0) * date_diff('day', n.usage_date, f.first_on))
        when a.bytes is null or n.before_on = n.after_on then b.bytes
        else b.bytes + (a.bytes - b.bytes) * date_diff('day', n.before_on, n.usage_date) / date_diff('day', n.before_on, n.after_on)
    end / case when coalesce(b.bytes, a.bytes) is null or w.bytes = 0 then 1 else w.bytes end) as share
from neighbours n
left join newest w on w.table_id = n.table_id
left join first_two f on f.table_id = n.table_id
left join beside b on b.table_id = n.table_id and b.collected_on = n.before_on
left join beside a on a.table_id = n.table_id and a.collected_on = n.after_on
