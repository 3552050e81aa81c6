-- One row per part of an idle cost in the view `idle = proportional`: each cluster's idle
-- cost of a day and currency, split over the teams, workloads and engines that used the
-- cluster that day by their effective usage cost. What nobody used stays with its owner.
-- `whole_method` and `whole_team` say which atoms the whole is. The same text makes the spread
-- by other owners, over what takes the place of `daily_costs` then (`mart/relation.rs`).
-- Key: source_nr, team?, workload?, engine?
with idle as (
    select
        usage_date, billing_currency, service_name, account_id, region_id, pool, method, team,
        cluster_id, tag_set_id,
        sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost,
        sum(list_cost) as list_cost, sum(contracted_cost) as contracted_cost
    from daily_costs
    where category = 'idle'
    group by all
),
sources as materialized (
    select
        -- Numbered within their day, so that no other day counts.
        date_diff('day', date '1970-01-01', usage_date) * 1000000 + row_number() over (
            partition by usage_date
            order by
                billing_currency, cluster_id, service_name, account_id, region_id, pool, method,
                team, tag_set_id
        ) as source_nr,
        *
    from idle
),
used as (
    select
        usage_date, billing_currency, cluster_id, team, workload, engine,
        greatest(sum(effective_cost), 0) as cost
    from daily_costs
    where category = 'usage' and cluster_id is not null
    group by usage_date, billing_currency, cluster_id, team, workload, engine
),
weighed as (
    -- Parts of 10^12 of what was used; the same for every basis.
    select
        usage_date, billing_currency, cluster_id, team, workload, engine,
        cast(floor(1e12 * (
            cast(cost as double)
            / cast(sum(cost) over (partition by usage_date, billing_currency, cluster_id) as double)
        )) as bigint) as weight
    from used
    where cost > 0
),
users as materialized (
    select
        w.*,
        cast(sum(weight) over (partition by usage_date, billing_currency, cluster_id) as bigint) as weight_total,
        row_number() over (
            partition by usage_date, billing_currency, cluster_id
            order by weight desc, coalesce(team, ''), coalesce(workload, ''), coalesce(engine, '')
        ) as nth
    from weighed w
    where weight > 0
),
cut as materialized (
    select
        s.source_nr, u.team, u.workload, u.engine, u.weight, u.weight_total, u.nth,
        part_of(s.billed_cost, u.weight, u.weight_total) as billed_part,
        part_of(s.effective_cost, u.weight, u.weight_total) as effective_part,
        part_of(s.list_cost, u.weight, u.weight_total) as list_part,
        part_of(s.contracted_cost, u.weight, u.weight_total) as contracted_part
    from sources s
    join users u
        on u.usage_date = s.usage_date
        and u.billing_currency = s.billing_currency
        and u.cluster_id = s.cluster_id
),
given as (
    select
        source_nr,
        sum(billed_part) as billed, sum(effective_part) as effective,
        sum(list_part) as list, sum(contracted_part) as contracted
    from cut
    group by source_nr
)
select
    s.source_nr, s.usage_date, s.billing_currency, s.service_name, s.account_id, s.region_id, s.pool,
    'idle' as category,
    case when c.source_nr is null then s.method else 'idle-proportional' end as method,
    case when c.source_nr is null then s.team else c.team end as team,
    c.workload, c.engine, cast(null as varchar) as run_id, cast(null as varchar) as table_id,
    cast(null as varchar) as consumer_kind, cast(null as varchar) as consumer,
    s.cluster_id, s.tag_set_id,
    s.method as whole_method, s.team as whole_team,
    coalesce(c.weight, 1) as weight,
    coalesce(c.weight_total, 1) as weight_total,
    -- Without a user there is one part, which is the whole.
    whole_part(s.billed_cost, coalesce(c.billed_part, 0), coalesce(g.billed, 0), coalesce(c.nth, 1)) as billed_cost,
    whole_part(s.effective_cost, coalesce(c.effective_part, 0), coalesce(g.effective, 0), coalesce(c.nth, 1))
        as effective_cost,
    whole_part(s.list_cost, coalesce(c.list_part, 0), coalesce(g.list, 0), coalesce(c.nth, 1)) as list_cost,
    whole_part(s.contracted_cost, coalesce(c.contracted_part, 0), coalesce(g.contracted, 0), coalesce(c.nth, 1))
        as contracted_cost
from sources s
left join cut c on c.source_nr = s.source_nr
left join given g on g.source_nr = s.source_nr
