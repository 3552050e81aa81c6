-- One row per Spark workload and currency whose executors hold more memory than they ever use:
-- the 95th percentile of the runs' peaks, and a fifth above it, is under what they hold, and
-- memory (not cores) decides what they take of their nodes.
-- Waste = run cost x (1 - the part of nodes it would take with that memory / the part it takes).
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['over-provisioned.headroom'] as limit_headroom,
        number['over-provisioned.enabled'] as limit_enabled,
        number['over-provisioned.min_runs'] as limit_min_runs,
        number['over-provisioned.max_used_share'] as limit_max_used_share
    from waste_limits
),
held as (
    -- What a run took of its nodes: the larger of cores and memory, and each alone.
    select
        h.engine, h.run_id,
        sum(cast(h.vcore_ms as double) / n.vcpus) as cores_part,
        sum(cast(h.memory_mib_ms as double) / n.memory_mib) as memory_part,
        sum(greatest(cast(h.vcore_ms as double) / n.vcpus, cast(h.memory_mib_ms as double) / n.memory_mib)) as part
    from stg_run_hours h
    join (
        select private_dns as host, any_value(vcpus) as vcpus, any_value(memory_mib) as memory_mib
        from stg_nodes
        where private_dns is not null and vcpus > 0 and memory_mib > 0
        group by private_dns
        union all
        select private_ip, any_value(vcpus), any_value(memory_mib)
        from stg_nodes
        where private_ip is not null and vcpus > 0 and memory_mib > 0
        group by private_ip
    ) n on n.host = h.host
    where h.engine = 'spark'
    group by h.engine, h.run_id
),
sized as (
    -- Memory of one executor: what is held at a time by all, by how many there were.
    select
        r.engine, r.run_id, r.run_nr, r.workload, r.billing_currency, r.peak_memory_bytes, r.effective_cost,
        h.cores_part, h.memory_part, h.part, r.executors, r.started_at, r.ended_at, r.vcore_ms,
        cast(r.memory_mib_ms as double) / nullif(r.vcore_ms, 0) as mib_a_core
    from waste_runs r
    join held h on h.engine = r.engine and h.run_id = r.run_id
    where r.engine = 'spark' and r.memory_mib_ms > 0 and r.vcore_ms > 0
),
executors as (
    -- Cores of an executor: what was held at a time by each, in the run where the most of its
    -- executors stayed from start to end.
    select workload, mib_a_core_round, ceil(max(cores) - 0.05) as cores
    from (
        select
            workload, round(mib_a_core / 256) as mib_a_core_round,
            cast(vcore_ms as double) / greatest(executors, 1)
                / greatest(epoch_ms(ended_at) - epoch_ms(started_at), 1) as cores
        from sized
        where executors > 0 and ended_at > started_at
    ) lives
    group by workload, mib_a_core_round
),
days as (
    -- A run is judged beside those of its four weeks: what was mended is not held against it.
    select
        s.*, s.mib_a_core * e.cores as executor_mib,
        s.peak_memory_bytes / 1048576.0 / nullif(s.mib_a_core * e.cores, 0) as used_share
    from sized s
    join executors e on e.workload = s.workload and e.mib_a_core_round = round(s.mib_a_core / 256)
),
judged as (
    select
        d.workload, d.billing_currency,
        round(d.executor_mib / 1024) as asked_gib,
        count(*) as runs,
        count(d.peak_memory_bytes) as measured,
        quantile_cont(d.used_share, 0.95) as p95_share,
        max(d.used_share) as max_share,
        quantile_cont(d.peak_memory_bytes, 0.95) as p95_peak_bytes,
        median(d.executor_mib) as executor_mib
    from days d
    group by d.workload, d.billing_currency, round(d.executor_mib / 1024)
),
wasteful as (
    select j.*, s.team, l.limit_headroom as headroom
    from judged j
    join waste_subjects s on s.subject_kind = 'workload' and s.subject = j.workload
    join limits l on l.profile = s.profile
    where l.limit_enabled > 0
        and j.runs >= l.limit_min_runs
        -- Zero peaks are not collected ones.
        and j.measured >= 0.9 * j.runs
        and j.p95_share < l.limit_max_used_share
),
parts as (
    select
        w.workload, w.team, w.billing_currency, d.engine, d.run_id, d.run_nr,
        greatest(0, 1 - greatest(d.cores_part, d.memory_part * least(1, w.p95_share * w.headroom)) / nullif(d.part, 0)) as ratio
    from wasteful w
    join days d on d.workload = w.workload and d.billing_currency = w.billing_currency and round(d.executor_mib / 1024) = w.asked_gib
),
daily as (
    select p.workload, p.billing_currency, p.run_nr, r.usage_date,
        sum(cast(round(cast(r.effective_cost as double) * p.ratio, 12) as decimal(38, 12))) as amount
    from parts p
    join run_days r on r.engine = p.engine and r.run_id = p.run_id and r.billing_currency = p.billing_currency
    join waste_days d on r.usage_date between d.first_day and d.last_day
    where p.ratio > 0.02
    group by all
),
facts as (
    select
        workload, billing_currency, max(team) as team, sum(runs) as runs, max(p95_peak_bytes) as p95_peak_bytes,
        max(max_share) as max_share, max(executor_mib) as executor_mib, max(headroom) as headroom
    from wasteful
    group by workload, billing_currency
)
select
    'over-provisioned' as detector, 'workload' as subject_kind, f.workload as subject, f.team, f.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'medium' as confidence,
    json_object(
        'runs', f.runs, 'executor_mib', f.executor_mib, 'p95_peak_mib', round(f.p95_peak_bytes / 1048576),
        'most_used_share', round(f.max_share, 4), 'headroom', f.headroom,
        'proposed_mib', ceil(f.p95_peak_bytes / 1048576 * f.headroom)
    ) as evidence,
    ['peaks were collected in nine of ten runs', 'resident memory where it was watched, else heap and off-heap'] as guards,
    '# in the job''s submission; overhead of 18.75% comes on top:' || chr(10)
        || '--conf spark.executor.memory=' || cast(cast(ceil(f.p95_peak_bytes / 1048576 * f.headroom / 1.1875 / 1024) as integer) as varchar)
        || 'g' as action,
    list(struct_pack(pot_kind := 'workload', pot := f.workload, run_nr := c.run_nr, table_id := cast(null as varchar), usage_date := c.usage_date, amount := c.amount) order by c.usage_date, c.run_nr) as claims
from facts f
join daily c on c.workload = f.workload and c.billing_currency = f.billing_currency
group by all
