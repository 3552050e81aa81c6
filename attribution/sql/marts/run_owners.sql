-- One row per run: its team, and the cluster most of its time was held on.
-- Key: engine, run_id
with clusters as (
    select
        run_nr, cluster_id,
        row_number() over (partition by run_nr order by sum(vcore_ms) desc, cluster_id) as nth
    from run_hosts
    where cluster_id is not null
    group by run_nr, cluster_id
)
select r.engine, r.run_id, o.team, o.rule_id as owner_rule, coalesce(c.cluster_id, r.cluster_id) as cluster_id
from stg_runs r
left join owner_of_run o on o.run_nr = r.run_nr
left join clusters c on c.run_nr = r.run_nr and c.nth = 1
