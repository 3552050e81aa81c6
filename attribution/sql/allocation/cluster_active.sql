-- One row per cluster and hour with a run: milliseconds in which at least one run was
-- active, for clusters of which no node's capacity is known. That is the time from start to
-- end of any run, and no more than the runs held anything for (on the host they held longest)
-- taken together: an application may live for hours and hold executors for minutes.
-- Key: cluster_id, hour
with runs as (
    select
        h.cluster_id,
        h.hour,
        h.run_nr,
        greatest(r.started_at, h.hour) as span_start,
        least(coalesce(r.ended_at, h.hour + interval 1 hour), h.hour + interval 1 hour) as span_end,
        max(h.active_ms) as active_ms
    from run_hosts h
    join stg_runs r on r.run_nr = h.run_nr
    where h.cluster_id is not null
    group by
        h.cluster_id, h.hour, h.run_nr, greatest(r.started_at, h.hour),
        least(coalesce(r.ended_at, h.hour + interval 1 hour), h.hour + interval 1 hour)
),
held as (
    select
        cluster_id, hour,
        -- A run that held nothing for any time it says was active for all of its own.
        sum(case
            when span_end <= span_start then 0
            when active_ms > 0 then least(active_ms, unix_millis(span_end) - unix_millis(span_start))
            else unix_millis(span_end) - unix_millis(span_start)
        end) as held_ms
    from runs
    group by cluster_id, hour
),
spans as (
    select distinct cluster_id, hour, span_start, span_end from runs
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
),
covered as (
    select
        cluster_id,
        hour,
        sum(
            case
                when covered_until is null or covered_until < span_start
                    then unix_millis(span_end) - unix_millis(span_start)
                when covered_until < span_end
                    then unix_millis(span_end) - unix_millis(covered_until)
                else 0
            end
        ) as covered_ms
    from ordered
    group by cluster_id, hour
)
select c.cluster_id, c.hour, cast(least(c.covered_ms, h.held_ms) as bigint) as active_ms
from covered c
join held h on h.cluster_id = c.cluster_id and h.hour = c.hour
