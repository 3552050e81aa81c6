-- One row per UTC day touched by a bill line whose tags are not what they were.
with now_sets as (
    select tag_set_id, sum(hash(t)) as mark from stg_tags t group by tag_set_id
),
before_sets as (
    select tag_set_id, sum(hash(t)) as mark from before.main.stg_tags t group by tag_set_id
),
sets as (
    select coalesce(n.tag_set_id, b.tag_set_id) as tag_set_id
    from now_sets n
    full outer join before_sets b on b.tag_set_id = n.tag_set_id
    where n.mark is distinct from b.mark
),
spans as (
    select distinct
        first_on(c.charge_category, c.charge_period_start, c.charge_period_end, c.billing_period_start) as first_day,
        last_on(c.charge_category, c.charge_period_start, c.charge_period_end, c.billing_period_end) as last_day
    from stg_charges c
    where c.tag_set_id in (select tag_set_id from sets)
)
select first_day as day from spans
union
select cast(unnest(generate_series(cast(first_day as timestamp), cast(last_day as timestamp), interval 1 day)) as date)
from spans
