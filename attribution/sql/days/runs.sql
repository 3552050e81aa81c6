-- One row per run and UTC day it held anything on: what it held and where, what is known of the run, whose
-- it is and what it wrote.
with held as (
    select run_nr, cast(hour as date) as day, sum(hash(h)) as mark
    from run_hosts h
    group by run_nr, cast(hour as date)
),
outputs as (
    select run_nr, sum(hash(o)) as mark
    from stg_run_outputs o
    group by run_nr
)
select h.day, hash(h.mark, hash(r), o.mark, w.team, w.rule_id, w.owner_kind) as mark
from held h
join stg_runs r on r.run_nr = h.run_nr
left join outputs o on o.run_nr = h.run_nr
left join owner_of_run w on w.run_nr = h.run_nr
