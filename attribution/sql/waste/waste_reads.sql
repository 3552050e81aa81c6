-- One row per table, UTC day, engine, currency and workload that read it (not what wrote it):
-- scans, what the runs cost and held that day, and the files a scan opened, as the engine's log
-- says it or, without, as scan reports do; where neither does, those of the last week's days and
-- of no day that there are now.
-- Key: table_id, usage_date, engine, billing_currency, workload?
with reported as (
    select
        table_id,
        read_on as usage_date,
        engine,
        cast(sum(files) as double) / nullif(sum(reads), 0) as files_a_scan
    from stg_table_access
    where files is not null
    group by table_id, read_on, engine
),
logged as (
    select engine, run_id, lower(table_name) as table_id, max(files) as files
    from landed_run_tables
    where access = 'read' and files is not null
    group by engine, run_id, lower(table_name)
),
reads as (
    select
        t.table_id, r.usage_date, r.engine, r.billing_currency, r.workload,
        r.run_id, r.effective_cost, r.vcore_ms, r.is_first,
        -- Of Spark the time its tasks ran: what a task takes longer, an executor is held longer by
        -- as much as its cores are not all busy.
        case when r.engine = 'spark' then least(s.task_ms, s.vcore_ms) / greatest(s.vcore_ms, 1) else 1 end as busy_share
    from stg_run_tables t
    join run_days r on r.engine = t.engine and r.run_id = t.run_id
    join stg_runs s on s.engine = t.engine and s.run_id = t.run_id
    join waste_days d on r.usage_date between d.first_day and d.last_day
    where t.access = 'read'
        and not exists (
            select 1 from stg_run_outputs o
            where o.engine = t.engine and o.run_id = t.run_id and o.table_id = t.table_id
        )
),
by_workload as (
    select
        r.table_id, r.usage_date, r.engine, r.billing_currency, r.workload,
        cast(sum(r.is_first) as bigint) as scans,
        sum(r.effective_cost) as effective_cost,
        cast(sum(r.vcore_ms) as bigint) as vcore_ms,
        sum(r.vcore_ms * r.busy_share) as busy_ms,
        avg(l.files) as logged_files
    from reads r
    left join logged l on l.engine = r.engine and l.run_id = r.run_id and l.table_id = r.table_id
    group by r.table_id, r.usage_date, r.engine, r.billing_currency, r.workload
),
there as (
    select p.table_id, cast(sum(p.data_files) as double) as files
    from waste_partitions p
    where p.rows_on is null or p.rows_on > p.seen_on - 7
    group by p.table_id
)
select
    w.table_id, w.usage_date, w.engine, w.billing_currency, w.workload,
    w.scans, w.effective_cost, w.vcore_ms,
    coalesce(w.logged_files, p.files_a_scan, h.files, 0) as files_a_scan,
    w.logged_files is not null or p.files_a_scan is not null as files_are_told,
    -- Reports count delete files too, logs data files alone.
    w.logged_files is null and p.files_a_scan is not null as deletes_are_counted,
    -- What a millisecond of a busy core cost.
    cast(w.effective_cost as double) / nullif(w.busy_ms, 0) as core_ms_price
from by_workload w
left join reported p on p.table_id = w.table_id and p.usage_date = w.usage_date and p.engine = w.engine
left join there h on h.table_id = w.table_id
