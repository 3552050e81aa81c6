-- One row per table: who reads it and how far back, by scan reports: reads known, the day of
-- the last, the look-back in days that a share of the reads does not exceed, and of how many
-- reads it is known.
-- Key: table_id
with reports as (
    select
        table_id, read_on, principal, reads,
        date_diff('day', oldest_partition_on, read_on) as back_days
    from stg_table_access
),
logged as (
    -- Runs whose reads no report tells of.
    select t.table_id, r.usage_date as read_on, r.workload as principal, count(*) as reads
    from stg_run_tables t
    join run_days r on r.engine = t.engine and r.run_id = t.run_id and r.is_first = 1
    where t.access = 'read'
        and not exists (
            select 1 from stg_run_outputs o
            where o.engine = t.engine and o.run_id = t.run_id and o.table_id = t.table_id
        )
    group by all
),
by_log as (
    select table_id, cast(sum(reads) as bigint) as reads, max(read_on) as last_read_on, count(distinct principal) as principals
    from logged
    group by table_id
),
by_report as (
    select
        table_id,
        cast(sum(reads) as bigint) as reads,
        max(read_on) as last_read_on,
        count(distinct principal) as principals,
        cast(coalesce(sum(reads) filter (where back_days is not null), 0) as bigint) as bounded
    from reports
    group by table_id
),
looks as (
    select table_id, back_days, sum(reads) as reads
    from reports
    where back_days is not null
    group by table_id, back_days
),
ranked as (
    -- Which part of the reads looks this far back or less.
    select
        table_id, back_days,
        cast(sum(reads) over (partition by table_id order by back_days) as double)
            / sum(reads) over (partition by table_id) as share
    from looks
),
backs as (
    select
        table_id,
        min(back_days) filter (where share >= 0.9) as back_p90,
        min(back_days) filter (where share >= 0.99) as back_p99,
        min(back_days) filter (where share >= 0.999) as back_p999,
        max(back_days) as back_max
    from ranked
    group by table_id
)
select
    coalesce(p.table_id, l.table_id) as table_id,
    greatest(coalesce(p.reads, 0), coalesce(l.reads, 0)) as reads,
    greatest(p.last_read_on, l.last_read_on) as last_read_on,
    greatest(coalesce(p.principals, 0), coalesce(l.principals, 0)) as readers,
    coalesce(p.bounded, 0) as bounded_reads,
    b.back_p90, b.back_p99, b.back_p999, b.back_max
from by_report p
full outer join by_log l on l.table_id = p.table_id
left join backs b on b.table_id = p.table_id
