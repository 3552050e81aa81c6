-- One row per run: its team, and the cluster most of its time was held on.
-- Key: engine, run_id
with clusters as (
    select
        engine, run_id, cluster_id,
        row_number() over (partition by engine, run_id order by sum(vcore_ms) desc, cluster_id) as nth
    from run_hosts
    where cluster_id is not null
    group by engine, run_id, cluster_id
)
select r.engine, r.run_id, o.team, o.rule_id as owner_rule, coalesce(c.cluster_id, r.cluster_id) as cluster_id
from stg_runs r
left join owner_of_run o on o.engine = r.engine and o.run_id = r.run_id
left join clusters c on c.engine = r.engine and c.run_id = r.run_id and c.nth = 1
