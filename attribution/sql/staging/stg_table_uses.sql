-- One row per run, table and access, as logs tell: the run's own, else lineage of the run,
-- else lineage of the step that started it.
-- Key: engine, run_id, table_id, access
with own as (
    select
        t.engine, t.run_id, r.run_nr, t.table_name, t.access,
        sum(t.bytes) as bytes, sum(t.row_count) as row_count, sum(t.files) as files
    from landed_run_tables t
    -- Only of the log that stg_runs kept, so that a run logged twice is counted once.
    join stg_runs r
        on r.engine = t.engine and r.run_id = t.run_id and r.source = t.source and r.source_object = t.source_object
    group by t.engine, t.run_id, r.run_nr, t.table_name, t.access
),
told as (
    -- Statistics grow from event to event, and events of a run may lie in two files.
    select
        t.engine, t.run_id, t.table_name, t.access,
        max(t.bytes) as bytes, max(t.row_count) as row_count, max(t.files) as files
    from landed_run_tables t
    join sources k on k.source = t.source and k.kind = 'openlineage'
    group by t.engine, t.run_id, t.table_name, t.access
),
of_run as (
    select t.*, r.run_nr
    from told t
    join stg_runs r on r.engine = t.engine and r.run_id = t.run_id
    where not exists (select 1 from own o where o.engine = t.engine and o.run_id = t.run_id)
),
of_step as (
    select r.engine, r.run_id, r.run_nr, t.table_name, t.access, t.bytes, t.row_count, t.files
    from told t
    join stg_runs r on r.step_run_id = t.run_id
    where t.engine = 'airflow'
        and not exists (select 1 from own o where o.engine = r.engine and o.run_id = r.run_id)
        and not exists (select 1 from of_run o where o.engine = r.engine and o.run_id = r.run_id)
),
uses as (
    select engine, run_id, run_nr, table_name, access, bytes, row_count, files from own
    union all
    select engine, run_id, run_nr, table_name, access, bytes, row_count, files from of_run
    union all
    select engine, run_id, run_nr, table_name, access, bytes, row_count, files from of_step
),
places as (
    -- What reads and writes files may name a table by where it lies; of several that lay there,
    -- the one that was collected there last.
    select
        lower(location) as location, table_id,
        row_number() over (partition by lower(location) order by collected_at desc, table_id) as nth
    from stg_tables
)
select
    u.engine,
    u.run_id,
    u.run_nr,
    coalesce(p.table_id, lower(u.table_name)) as table_id,
    u.access,
    sum(u.bytes) as bytes,
    sum(u.row_count) as row_count,
    sum(u.files) as files
from uses u
left join places p on p.location = lower(u.table_name) and p.nth = 1
group by u.engine, u.run_id, u.run_nr, coalesce(p.table_id, lower(u.table_name)), u.access
