-- One row per detector and subject (of a place in a bucket its bucket) of which what the detector rests on is not known
-- up to the bill's last day: the last day that is known, and what ends there. What nobody looked at since is neither
-- there still nor mended.
-- Logs of runs come every day: those of a source are silent where they end three days before the bill. Metadata,
-- inventories and listings are collected by the week: they are silent after eight.
-- Key: detector, subject_kind, subject
with rests (detector, subject_kind, facts) as (
    values
        ('idle-cluster', 'cluster', 'runs'),
        ('keep-alive', 'cluster', 'runs'),
        ('no-op-schedule', 'workload', 'runs'),
        ('no-op-schedule', 'workload', 'inputs'),
        ('no-op-schedule', 'workload', 'metadata'),
        ('failed-retried', 'workload', 'runs'),
        ('interrupted-spot', 'workload', 'runs'),
        ('lookback-reprocess', 'workload', 'runs'),
        ('cacheable-queries', 'workload', 'runs'),
        ('wrong-engine', 'workload', 'runs'),
        ('spot-able', 'workload', 'runs'),
        ('over-provisioned', 'workload', 'runs'),
        ('skew', 'workload', 'runs'),
        ('spill', 'workload', 'runs'),
        ('duplicate-table', 'table', 'metadata'),
        ('duplicate-table', 'table', 'reads'),
        ('unused-table', 'table', 'metadata'),
        ('unused-table', 'table', 'reads'),
        ('over-fresh', 'table', 'metadata'),
        ('over-fresh', 'table', 'reads'),
        ('over-fresh', 'table', 'runs'),
        ('uncompacted', 'table', 'metadata'),
        ('uncompacted', 'table', 'reads'),
        ('delete-bloat', 'table', 'metadata'),
        ('delete-bloat', 'table', 'reads'),
        ('over-partitioning', 'table', 'metadata'),
        ('over-partitioning', 'table', 'reads'),
        ('tiny-commits', 'table', 'metadata'),
        ('tiny-commits', 'table', 'reads'),
        ('metadata-bloat', 'table', 'metadata'),
        ('cow-amplification', 'table', 'metadata'),
        ('orphan-files', 'table', 'metadata'),
        ('orphan-files', 'table', 'inventory'),
        ('unexpired-snapshots', 'table', 'metadata'),
        ('partition-ttl', 'table', 'metadata'),
        ('partition-ttl', 'table', 'reads'),
        ('storage-class', 'table', 'metadata'),
        ('storage-class', 'table', 'reads'),
        ('incomplete-uploads', 'bucket', 'uploads')
),
logs as (
    select engine, source, cast(told_until as date) as known_until from waste_logs
),
reports as (
    select cast(max(coalesce(last_read_at, day)) as date) as known_until from landed_table_access
),
workloads as (
    -- By what its newest run was read from: one that moved to another engine is told of there. Who starts it
    -- tells of no cost: its schedule goes on where its engine's logs end.
    select workload as subject, arg_max(engine, (is_engine, started_at, engine, run_id)) as engine,
        arg_max(source, (is_engine, started_at, engine, run_id)) as source
    from (select *, case when engine in ('maestro', 'airflow') then 0 else 1 end as is_engine from stg_runs) r
    where workload is not null
    group by workload
),
clusters as (
    select k.cluster as subject, arg_max(r.engine, (r.started_at, r.engine, r.run_id)) as engine,
        arg_max(r.source, (r.started_at, r.engine, r.run_id)) as source
    from waste_clusters k
    left join run_owners o on o.cluster_id = k.cluster_id
    left join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    where k.cluster is not null
    group by k.cluster
),
reads as (
    -- Of the days waste is looked for in: what was read with before tells of nothing now.
    select
        t.table_id, r.engine, r.source, coalesce(cast(r.ended_at as date), d.last_day) as day, count(*) as reads
    from stg_run_tables t
    join stg_runs r on r.engine = t.engine and r.run_id = t.run_id
    join waste_days d on coalesce(cast(r.ended_at as date), d.last_day) >= d.first_day
    where t.access = 'read' and t.table_id is not null
    group by t.table_id, r.engine, r.source, coalesce(cast(r.ended_at as date), d.last_day)
),
readers as (
    select
        table_id, engine, source, min(day) as first_on,
        sum(reads) as reads, sum(sum(reads)) over (partition by table_id) as all_reads
    from reads
    group by table_id, engine, source
),
settled as (
    -- Since when it is read as it is now: since the last log came to tell of it (of a twentieth of its reads or more).
    select table_id, max(first_on) filter (where reads >= 0.05 * all_reads) as settled_on
    from readers
    group by table_id
),
read_by as (
    -- By what most of its reads since are told by: one that moved to another engine is told of there.
    select table_id as subject, arg_max(engine, (reads, engine, source)) as engine, arg_max(source, (reads, engine, source)) as source
    from (
        select r.table_id, r.engine, r.source, sum(r.reads) as reads
        from reads r
        join settled s on s.table_id = r.table_id and r.day >= s.settled_on
        group by r.table_id, r.engine, r.source
    ) since
    group by table_id
),
written_by as (
    -- By what its newest writer is told by.
    select o.table_id as subject, arg_max(r.engine, (r.started_at, r.engine, r.run_id)) as engine,
        arg_max(r.source, (r.started_at, r.engine, r.run_id)) as source
    from stg_run_outputs o
    join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    where o.table_id is not null
    group by o.table_id
),
any_reads as (
    -- A table without readers rests on all logs that tell of any worth mention: the first that ends is what is known.
    select min(l.known_until) as known_until
    from logs l
    join (
        select engine, source, sum(reads) as reads, sum(sum(reads)) over () as all_reads from readers group by engine, source
    ) b on b.engine = l.engine and b.source = l.source and b.reads >= 0.05 * b.all_reads
),
collected as (
    select source, cast(max(collected_at) as date) as known_until from landed_tables group by source
),
listed as (
    select bucket, max(collected_on) as known_until from stg_storage group by bucket
),
uploads as (
    -- A bucket that had none is told of too.
    select bucket, cast(max(collected_at) as date) as known_until from landed_uploads group by bucket
),
known as (
    select 'runs' as facts, 'workload' as subject_kind, w.subject, l.known_until
    from workloads w
    join logs l on l.engine = w.engine and l.source = w.source
    union all
    -- What its inputs' writers did, where somebody known writes them.
    select 'inputs', 'workload', workload, min(cast(told_until as date))
    from waste_inputs
    where told_until is not null
    group by workload
    union all
    -- What is known of them by collections alone.
    select 'metadata', 'workload', workload, min(cast(collected_until as date))
    from waste_inputs
    where collected_until is not null
    group by workload
    union all
    -- Of a cluster that never ran anything, any log would tell.
    select 'runs', 'cluster', c.subject, coalesce(l.known_until, (select max(known_until) from logs))
    from clusters c
    left join logs l on l.engine = c.engine and l.source = c.source
    union all
    select 'reads', 'table', t.table_id, coalesce(l.known_until, greatest(a.known_until, p.known_until))
    from waste_tables t
    left join read_by b on b.subject = t.table_id
    left join logs l on l.engine = b.engine and l.source = b.source
    cross join any_reads a
    cross join reports p
    union all
    select 'runs', 'table', w.subject, l.known_until
    from written_by w
    join logs l on l.engine = w.engine and l.source = w.source
    union all
    select 'metadata', 'table', t.table_id, c.known_until
    from waste_tables t
    join collected c on c.source = t.source
    union all
    select 'inventory', 'table', t.table_id, l.known_until
    from waste_tables t
    join listed l on l.bucket = t.bucket
    union all
    select 'uploads', 'bucket', bucket, known_until from uploads
),
silent as (
    select k.*
    from known k
    cross join waste_days d
    where k.known_until < d.last_day - case when k.facts in ('runs', 'inputs', 'reads') then 2 else 8 end
)
select
    r.detector, s.subject_kind, s.subject,
    min(s.known_until) as known_until,
    arg_min(s.facts, (s.known_until, s.facts)) as silent_facts
from silent s
join rests r on r.facts = s.facts and r.subject_kind = s.subject_kind
group by r.detector, s.subject_kind, s.subject
