-- One row per UTC day and cluster with a node alive: their lives; and per day and bill line of
-- a cluster that spans several days: the lives on all of them, by which it is cut.
with lives as (
    select cluster_id, cast(hour as date) as day, sum(hash(l)) as mark
    from node_lives l
    group by cluster_id, cast(hour as date)
),
lines as (
    select
        c.line_id, k.cluster_id,
        first_on(c.charge_category, c.charge_period_start, c.charge_period_end, c.billing_period_start) as first_day,
        last_on(c.charge_category, c.charge_period_start, c.charge_period_end, c.billing_period_end) as last_day
    from stg_charges c
    join charge_clusters k
        on k.resource_id = coalesce(c.resource_id, '') and k.tag_set_id = coalesce(c.tag_set_id, '')
),
touched as (
    select
        line_id, cluster_id,
        cast(unnest(generate_series(cast(first_day as timestamp), cast(last_day as timestamp), interval 1 day)) as date) as day
    from lines
    where last_day > first_day
),
line_lives as (
    select t.line_id, sum(l.mark) as mark
    from touched t
    join lives l on l.cluster_id = t.cluster_id and l.day = t.day
    group by t.line_id
)
select day, hash(cluster_id, mark) as mark
from lives
union all
select t.day, hash(t.line_id, l.mark)
from touched t
join line_lives l on l.line_id = t.line_id
