-- One row per cluster and hour with a run: milliseconds in which at least one run was
-- active. For clusters of which no node's capacity is known.
-- Key: cluster_id, hour
with spans as (
    select distinct
        h.cluster_id,
        h.hour,
        greatest(r.started_at, h.hour) as span_start,
        least(coalesce(r.ended_at, h.hour + interval 1 hour), h.hour + interval 1 hour) as span_end
    from run_hosts h
    join stg_runs r on r.run_nr = h.run_nr
    where h.cluster_id is not null
),
ordered as (
    select
        s.*,
        max(s.span_end) over (
            partition by s.cluster_id, s.hour
            order by s.span_start, s.span_end
            rows between unbounded preceding and 1 preceding
        ) as covered_until
    from spans s
    where s.span_end > s.span_start
)
select
    cluster_id,
    hour,
    cast(sum(
        case
            when covered_until is null or covered_until < span_start
                then unix_millis(span_end) - unix_millis(span_start)
            when covered_until < span_end
                then unix_millis(span_end) - unix_millis(covered_until)
            else 0
        end
    ) as bigint) as active_ms
from ordered
group by cluster_id, hour
