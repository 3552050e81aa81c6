-- One row per month, table read and table made of it (or none, where what read it wrote no
-- table): the bytes read to make it. A run's reads are split over what it wrote, by bytes written.
-- Not of runs that failed, which made nothing.
-- Key: month, from_table, to_table?
with reads as (
    select
        t.engine, t.run_id, date_trunc('month', r.started_at) as month, t.table_id,
        greatest(coalesce(t.bytes, 1), 1) as bytes
    from stg_run_tables t
    join stg_runs r on r.engine = t.engine and r.run_id = t.run_id
    where t.access = 'read' and (r.status <> 'failed' or r.engine = 'flink')
),
outputs as (
    select
        engine, run_id, table_id, weight,
        sum(weight) over (partition by engine, run_id) as all_weight
    from stg_run_outputs
),
parts as (
    select
        r.month, r.table_id as from_table, o.table_id as to_table,
        case
            when o.run_id is null or o.weight = o.all_weight then r.bytes
            else cast(floor(cast(r.bytes as double) * (cast(o.weight as double) / cast(o.all_weight as double))) as bigint)
        end as bytes
    from reads r
    left join outputs o on o.engine = r.engine and o.run_id = r.run_id
)
select cast(month as date) as month, from_table, to_table, cast(sum(bytes) as bigint) as bytes
from parts
group by month, from_table, to_table
having sum(bytes) > 0
