-- One row per UTC day touched by a bill line whose resource and tags belong to another cluster
-- than they did, or to one that other rules would own now.
with subjects as (
    (select * from charge_clusters except select * from before.main.charge_clusters)
    union all
    (select * from before.main.charge_clusters except select * from charge_clusters)
),
owners as (
    (select * from cluster_owners except select * from before.main.cluster_owners)
    union all
    (select * from before.main.cluster_owners except select * from cluster_owners)
),
concerned as (
    select resource_id, tag_set_id from subjects
    union
    select resource_id, tag_set_id
    from charge_clusters
    where cluster_id in (select cluster_id from owners)
),
spans as (
    select distinct
        first_on(c.charge_category, c.charge_period_start, c.charge_period_end, c.billing_period_start) as first_day,
        last_on(c.charge_category, c.charge_period_start, c.charge_period_end, c.billing_period_end) as last_day
    from stg_charges c
    join concerned k
        on k.resource_id = coalesce(c.resource_id, '') and k.tag_set_id = coalesce(c.tag_set_id, '')
)
select first_day as day from spans
union
select cast(unnest(generate_series(cast(first_day as timestamp), cast(last_day as timestamp), interval 1 day)) as date)
from spans
