-- One row per worker node, hour and run, and one without a run for what nobody used:
-- integer weights that sum to 10^12 a node-hour.
-- used = the larger of the shares of cores and memory held by all runs, at most 1; each run
-- has the part of it that its own larger share has of all runs' larger shares, or its share of
-- cores, of memory, or nine parts of the one and one of the other, where so configured
-- (`parameters.run_weight`) and any run of the hour has such a share.
-- Key: cluster_id, node_id, hour, run_nr?
with nodes as (
    select * from node_lives where is_worker = 1 and vcore_ms > 0
),
held as (
    -- A log may claim any number of cores: a thousand times the node is as good as all of it.
    select
        u.run_nr, n.cluster_id, n.node_id, n.hour,
        u.vcore_ms, u.memory_mib_ms, n.vcore_ms as paid_vcore_ms, n.memory_mib_ms as paid_memory_mib_ms,
        least(cast(1000 as double), cast(u.vcore_ms as double) / n.vcore_ms) as cores,
        least(
            cast(1000 as double),
            coalesce(cast(u.memory_mib_ms as double) / nullif(n.memory_mib_ms, 0), cast(0 as double))
        ) as memory
    from node_usage u
    join nodes n on n.cluster_id = u.cluster_id and n.node_id = u.node_id and n.hour = u.hour
),
weighed as (
    select
        h.*,
        case p.run_weight
            when 'cores' then h.cores
            when 'memory' then h.memory
            when '9:1' then (9 * h.cores + h.memory) / 10
            else greatest(h.cores, h.memory)
        end as chosen
    from held h
    cross join parameters p
),
needs as (
    select
        w.run_nr, w.cluster_id, w.node_id, w.hour, w.vcore_ms, w.memory_mib_ms, w.paid_vcore_ms,
        w.paid_memory_mib_ms,
        cast(floor(1e12 * case
            when max(w.chosen) over (partition by w.cluster_id, w.node_id, w.hour) > 0 then w.chosen
            else greatest(w.cores, w.memory)
        end) as bigint) as need
    from weighed w
),
used as (
    select
        cluster_id, node_id, hour,
        cast(sum(need) as bigint) as needs,
        cast(least(1e12, floor(1e12 * greatest(
            cast(sum(vcore_ms) as double) / max(paid_vcore_ms),
            coalesce(cast(sum(memory_mib_ms) as double) / nullif(max(paid_memory_mib_ms), 0), 0)
        ))) as bigint) as used
    from needs
    group by cluster_id, node_id, hour
),
cut as (
    select
        n.cluster_id, n.node_id, n.hour, n.run_nr, u.used,
        case when u.needs > 0
            then cast(floor(cast(u.used as double) * (cast(n.need as double) / u.needs)) as bigint)
            else cast(0 as bigint) end as weight,
        row_number() over (
            partition by n.cluster_id, n.node_id, n.hour order by n.need desc, r.engine, r.run_id
        ) as nth_largest
    from needs n
    join used u on u.cluster_id = n.cluster_id and u.node_id = n.node_id and u.hour = n.hour
    join stg_runs r on r.run_nr = n.run_nr
),
runs as (
    -- What cutting off left is the largest run's, not idle.
    select
        c.cluster_id, c.node_id, c.hour, c.run_nr,
        c.weight + case
            when c.nth_largest = 1
                then c.used - cast(sum(c.weight) over (partition by c.cluster_id, c.node_id, c.hour) as bigint)
            else 0
        end as weight
    from cut c
),
taken as (
    select cluster_id, node_id, hour, cast(sum(weight) as bigint) as weight
    from runs
    group by cluster_id, node_id, hour
)
select cluster_id, node_id, hour, run_nr, weight
from runs
where weight > 0
union all
select
    n.cluster_id, n.node_id, n.hour, cast(null as bigint),
    cast(1000000000000 as bigint) - coalesce(t.weight, 0)
from nodes n
left join taken t on t.cluster_id = n.cluster_id and t.node_id = n.node_id and t.hour = n.hour
where coalesce(t.weight, 0) < 1000000000000
