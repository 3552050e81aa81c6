-- One row per charge group that usage rows name on a day they hold, and consumer: integer
-- weights that sum to 10^12 a group, with one row without a consumer for what nobody used.
-- Of several selections that name a group the most exact counts (resource, cluster, tag,
-- service, pool), then the one that began last, then the last file by name.
-- Key: group_nr, consumer?
with selections as (
    select distinct
        selection_id, source, source_object, pool, cluster_pattern, resource_pattern, service_pattern,
        tag_key, tag_pattern,
        case
            when resource_pattern is not null then 1
            when cluster_pattern is not null then 2
            when tag_key is not null then 3
            when service_pattern is not null then 4
            else 5
        end as breadth
    from stg_usage_shares
),
tagged as (
    select distinct r.selection_id, t.tag_set_id
    from selections r
    join stg_tags t on t.key = r.tag_key and lower(t.value) like r.tag_pattern escape '\'
),
subjects as (
    -- What selections look at, each combination once.
    select distinct
        lower(pool) as pool,
        coalesce(lower(cluster_id), '') as cluster_id,
        coalesce(lower(resource_id), '') as resource_id,
        coalesce(lower(service_name), '') as service_name,
        coalesce(tag_set_id, '') as tag_set_id
    from charge_groups
),
named as (
    select s.*, r.selection_id, r.breadth, r.source, r.source_object
    from subjects s
    join selections r
        on (r.pool is null or s.pool = r.pool)
        and (r.cluster_pattern is null or s.cluster_id like r.cluster_pattern escape '\')
        and (r.resource_pattern is null or s.resource_id like r.resource_pattern escape '\')
        and (r.service_pattern is null or s.service_name like r.service_pattern escape '\')
    left join tagged t on t.selection_id = r.selection_id and t.tag_set_id = s.tag_set_id
    where r.tag_key is null or t.selection_id is not null
),
group_days as (
    select g.group_nr, g.usage_date, n.selection_id, n.breadth, n.source, n.source_object
    from charge_groups g
    join named n
        on n.pool = lower(g.pool)
        and n.cluster_id = coalesce(lower(g.cluster_id), '')
        and n.resource_id = coalesce(lower(g.resource_id), '')
        and n.service_name = coalesce(lower(g.service_name), '')
        and n.tag_set_id = coalesce(g.tag_set_id, '')
),
told as (
    select
        d.selection_id, d.usage_date, u.consumer_kind, u.consumer,
        max(u.team) as team, max(u.starts_on) as starts_on, sum(u.share) as share, sum(u.quantity) as quantity
    from (select distinct selection_id, usage_date from group_days) d
    join stg_usage_shares u
        on u.selection_id = d.selection_id
        and u.starts_on <= d.usage_date
        and (u.ends_on is null or d.usage_date < u.ends_on)
    group by d.selection_id, d.usage_date, u.consumer_kind, u.consumer
),
totals as (
    select selection_id, usage_date, sum(quantity) as quantity, max(starts_on) as starts_on
    from told
    group by selection_id, usage_date
),
cut as (
    -- The 1 in the fifteenth digit makes up for doubles that fall a hair short of 0.07.
    select
        t.*,
        s.starts_on as last_start,
        case
            when t.share is not null then cast(floor(cast(t.share as double) * 1.000000000000001e12) as bigint)
            when s.quantity > 0 then cast(floor(
                cast(t.quantity as double) / cast(s.quantity as double) * 1.000000000000001e12
            ) as bigint)
            else cast(0 as bigint)
        end as weight,
        row_number() over (
            partition by t.selection_id, t.usage_date order by t.quantity desc, t.consumer
        ) as nth_largest
    from told t
    join totals s on s.selection_id = t.selection_id and s.usage_date = t.usage_date
),
weighted as (
    -- Quantities are of the whole: what cutting off left is the largest one's. Shares may
    -- leave something to nobody.
    select
        c.selection_id, c.usage_date, c.consumer_kind, c.consumer, c.team, c.last_start,
        c.weight + case
            when c.nth_largest = 1 and c.share is null and c.quantity > 0
                then cast(1000000000000 as bigint)
                    - cast(sum(c.weight) over (partition by c.selection_id, c.usage_date) as bigint)
            else 0
        end as weight
    from cut c
),
used as (
    select
        selection_id, usage_date, max(last_start) as last_start,
        cast(sum(weight) as bigint) as weight
    from weighted
    where weight > 0
    group by selection_id, usage_date
),
ranked as (
    select
        d.group_nr, d.usage_date, d.selection_id, u.weight as used,
        row_number() over (
            partition by d.group_nr
            order by d.breadth, u.last_start desc, d.source_object desc, d.source, d.selection_id
        ) as nth
    from group_days d
    join used u on u.selection_id = d.selection_id and u.usage_date = d.usage_date
)
select
    r.group_nr, r.selection_id, r.usage_date, w.consumer_kind, w.consumer, w.team, w.weight,
    'usage-share' as method
from ranked r
join weighted w on w.selection_id = r.selection_id and w.usage_date = r.usage_date and w.weight > 0
where r.nth = 1
union all
select
    r.group_nr, r.selection_id, r.usage_date, cast(null as varchar), cast(null as varchar), cast(null as varchar),
    cast(1000000000000 - r.used as bigint), 'usage-rest'
from ranked r
where r.nth = 1 and r.used < 1000000000000
