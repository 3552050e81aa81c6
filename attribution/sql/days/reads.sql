-- One row per run and UTC day it held anything on: what it read and wrote, as run_days and
-- table_reads split its cost.
with tables as (
    select engine, run_id, sum(hash(t)) as mark
    from stg_run_tables t
    group by engine, run_id
),
days as (
    select distinct run_nr, cast(hour as date) as day
    from run_hosts
)
select d.day, hash(d.run_nr, t.mark) as mark
from tables t
join stg_runs r on r.engine = t.engine and r.run_id = t.run_id
join days d on d.run_nr = r.run_nr
