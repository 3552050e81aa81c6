-- One row per stage attempt of a run: what its tasks took, of the log that stg_runs kept.
-- Key: run_nr, stage_id, stage_attempt
select
    r.run_nr,
    s.stage_id,
    s.stage_attempt,
    max(s.name) as name,
    max(s.status) as status,
    min(s.started_at) as started_at,
    max(s.ended_at) as ended_at,
    max(s.tasks) as tasks,
    max(s.failed_tasks) as failed_tasks,
    max(s.task_ms) as task_ms,
    max(s.task_ms_max) as task_ms_max,
    max(s.task_ms_median) as task_ms_median,
    max(s.gc_ms) as gc_ms,
    max(s.disk_spilled_bytes) as disk_spilled_bytes,
    max(s.shuffle_read_bytes) as shuffle_read_bytes,
    max(s.shuffle_write_bytes) as shuffle_write_bytes,
    max(s.input_bytes) as input_bytes,
    max(s.output_bytes) as output_bytes
from landed_run_stages s
join stg_runs r
    on r.engine = s.engine and r.run_id = s.run_id and r.source = s.source and r.source_object = s.source_object
group by r.run_nr, s.stage_id, s.stage_attempt
