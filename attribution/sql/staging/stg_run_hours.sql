-- One row per run, hour, cluster and host: what it held there. Only of the log that
-- stg_runs kept, so that a run logged twice is counted once.
-- Key: engine, run_id, hour, cluster_id?, host?
select
    h.engine,
    h.run_id,
    h.hour,
    coalesce(h.cluster_id, r.cluster_id) as cluster_id,
    lower(h.host) as host,
    sum(h.vcore_ms) as vcore_ms,
    sum(h.memory_mib_ms) as memory_mib_ms,
    max(h.active_ms) as active_ms,
    r.run_nr
from landed_run_hours h
join stg_runs r
    on r.engine = h.engine and r.run_id = h.run_id and r.source = h.source and r.source_object = h.source_object
group by r.run_nr, h.engine, h.run_id, h.hour, coalesce(h.cluster_id, r.cluster_id), lower(h.host)
