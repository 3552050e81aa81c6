-- One row per run and table it maintained: compacted or rewrote without changing what the table
-- says. All its known snapshots of the table are `replace`; where none of its own is known any
-- more, all those of other runs of its workload are.
-- Key: engine, run_id, table_id
with snapshots as (
    select distinct coalesce(m.new_table_id, s.table_id) as table_id, s.snapshot_id, s.app_id, s.operation
    from landed_table_snapshots s
    left join stg_table_names m on m.source = s.source and m.table_id = s.table_id
    where s.app_id is not null and s.operation is not null
),
outputs as (
    select o.engine, o.run_id, o.table_id, r.workload, split_part(o.run_id, '/', 1) as app_id
    from stg_run_outputs o
    join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    where o.table_id is not null
),
seen as (
    select
        o.engine, o.run_id, o.table_id, o.workload,
        count(s.snapshot_id) as snapshots,
        count(case when s.operation = 'replace' then 1 end) as replaced
    from outputs o
    left join snapshots s on s.table_id = o.table_id and s.app_id = o.app_id
    group by o.engine, o.run_id, o.table_id, o.workload
),
workloads as (
    select workload, table_id, sum(snapshots) as snapshots, sum(replaced) as replaced
    from seen
    group by workload, table_id
)
select s.engine, s.run_id, s.table_id
from seen s
join workloads w on w.workload = s.workload and w.table_id = s.table_id
where (s.snapshots > 0 and s.snapshots = s.replaced)
    or (s.snapshots = 0 and w.snapshots > 0 and w.snapshots = w.replaced)
