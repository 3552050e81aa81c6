-- One row per run and currency: what it cost in the days looked at, and what it did.
-- Key: engine, run_id, billing_currency
with costs as (
    select
        r.engine, r.run_id, r.billing_currency,
        arg_max(r.workload, r.usage_date) as workload,
        arg_max(r.team, r.usage_date) as team,
        max(r.status) as status, max(r.trigger) as trigger, max(r.attempt) as attempt,
        min(r.usage_date) as first_on, max(r.usage_date) as last_on,
        sum(r.effective_cost) as effective_cost,
        sum(r.vcore_ms) as held_ms
    from run_days r
    join waste_days d on r.usage_date between d.first_day and d.last_day
    group by r.engine, r.run_id, r.billing_currency
)
select
    c.*,
    s.run_nr,
    o.cluster_id,
    s.workflow_id,
    s.workflow_instance_id,
    s.step_id,
    s.user_name,
    s.error,
    s.tag_set_id,
    s.step_tag_set_id,
    s.workflow_tag_set_id,
    s.started_at,
    s.ended_at,
    s.vcore_ms,
    s.memory_mib_ms,
    s.cpu_ms,
    s.task_ms,
    s.input_bytes,
    s.shuffle_read_bytes,
    s.disk_spilled_bytes,
    s.peak_memory_bytes,
    s.executors
from costs c
join stg_runs s on s.engine = c.engine and s.run_id = c.run_id
left join run_owners o on o.engine = c.engine and o.run_id = c.run_id
