-- One row per run with a part in a changed group of which the marts do not know the same: it arrived, is gone, or other hours or facts of it are known.
-- Key: engine, run_id
with runs as (
    select engine, run_id from earlier_atoms where run_id is not null
    union
    select engine, run_id from later_atoms where run_id is not null
),
earlier_facts as (
    select r.engine, r.run_id, hash(r.workload, r.status, r.started_at, r.ended_at, r.cluster_id, r.vcore_ms) as mark
    from earlier.stg_runs r
    join runs on runs.engine = r.engine and runs.run_id = r.run_id
),
later_facts as (
    select r.engine, r.run_id, hash(r.workload, r.status, r.started_at, r.ended_at, r.cluster_id, r.vcore_ms) as mark
    from later.stg_runs r
    join runs on runs.engine = r.engine and runs.run_id = r.run_id
),
earlier_hours as (
    select
        h.engine, h.run_id,
        bit_xor(hash(h.hour, h.cluster_id, h.host, h.vcore_ms, h.memory_mib_ms, h.active_ms)) as mark
    from earlier.stg_run_hours h
    join runs on runs.engine = h.engine and runs.run_id = h.run_id
    group by h.engine, h.run_id
),
later_hours as (
    select
        h.engine, h.run_id,
        bit_xor(hash(h.hour, h.cluster_id, h.host, h.vcore_ms, h.memory_mib_ms, h.active_ms)) as mark
    from later.stg_run_hours h
    join runs on runs.engine = h.engine and runs.run_id = h.run_id
    group by h.engine, h.run_id
)
select
    r.engine, r.run_id,
    case when e.run_id is null then 'arrived' when l.run_id is null then 'gone' else 'changed' end as what
from runs r
left join earlier_facts e on e.engine = r.engine and e.run_id = r.run_id
left join later_facts l on l.engine = r.engine and l.run_id = r.run_id
left join earlier_hours x on x.engine = r.engine and x.run_id = r.run_id
left join later_hours y on y.engine = r.engine and y.run_id = r.run_id
where e.mark is distinct from l.mark or x.mark is distinct from y.mark
