-- One row per run that maintained a table, that table, and UTC day the run held anything on.
with days as (
    select distinct run_nr, cast(hour as date) as day
    from run_hosts
)
select d.day, hash(m.engine, m.run_id, m.table_id) as mark
from run_maintenance m
join stg_runs r on r.engine = m.engine and r.run_id = m.run_id
join days d on d.run_nr = r.run_nr
