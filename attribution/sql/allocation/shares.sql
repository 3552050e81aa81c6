-- One row per charge group, run, table and consumer with a part in it: integer weights.
-- Every charge group has at least one row. What usage rows name is split by them alone.
-- Key: group_nr, run_nr?, table_id?, consumer_kind?, consumer?, part
with told as (
    select distinct group_nr from usage_shares
),
requested as (
    select distinct group_nr from request_shares
),
outputs as (
    select
        o.run_nr, o.table_id, o.weight,
        sum(o.weight) over (partition by o.run_nr) as all_weight,
        count(*) over (partition by o.run_nr) as tables,
        row_number() over (
            partition by o.run_nr
            -- What has no table comes last, as engines disagree on where nulls stand.
            order by o.weight desc, case when o.table_id is null then 1 else 0 end, o.table_id
        ) as nth
    from stg_run_outputs o
),
by_run as (
    -- Most runs write one table or none: nothing to split.
    select c.group_nr, c.run_nr, c.method, c.weight, o.table_id, coalesce(o.tables, 0) as tables
    from compute_shares c
    left join outputs o on o.run_nr = c.run_nr and o.nth = 1
    left join told t on t.group_nr = c.group_nr
    where t.group_nr is null
),
by_output as (
    -- A run's part is split over the tables it wrote, by bytes; whole units, the rest to the largest.
    select
        b.group_nr, b.run_nr, o.table_id, b.method, b.weight as run_weight, o.nth,
        cast(floor(cast(b.weight as double) * (cast(o.weight as double) / o.all_weight)) as bigint) as weight
    from by_run b
    join outputs o on o.run_nr = b.run_nr
    where b.tables > 1
),
compute as (
    select group_nr, run_nr, table_id, method, weight
    from by_run
    where tables <= 1
    union all
    select
        b.group_nr, b.run_nr, b.table_id, b.method,
        b.weight + case
            when b.nth = 1
                then b.run_weight
                    - cast(sum(b.weight) over (partition by b.group_nr, b.run_nr) as bigint)
            else 0
        end
    from by_output b
)
select
    group_nr, run_nr, table_id, cast(null as varchar) as consumer_kind, cast(null as varchar) as consumer,
    method, cast(weight as bigint) as weight,
    case when run_nr is null then 'idle' else 'run' end as part
from compute
where weight > 0
union all
select
    s.group_nr, cast(null as bigint), s.table_id, cast(null as varchar), cast(null as varchar),
    s.method, s.weight,
    case when s.table_id is null then 'unmeasured' else 'table' end
from storage_shares s
left join told t on t.group_nr = s.group_nr
where t.group_nr is null
union all
select
    r.group_nr, cast(null as bigint), r.table_id, cast(null as varchar), cast(null as varchar),
    r.method, r.weight,
    case when r.table_id is null then 'whole' else 'table' end
from request_shares r
left join told t on t.group_nr = r.group_nr
where t.group_nr is null
union all
select
    u.group_nr, cast(null as bigint),
    case when u.consumer_kind = 'table' then lower(u.consumer) end, u.consumer_kind, u.consumer,
    -- What nobody used stays what the group was; of storage it has a name of its own.
    case when u.consumer is null and g.pool_kind = 'storage' then 'storage-usage-rest' else u.method end, u.weight,
    case
        when u.consumer is not null then 'consumer'
        when g.pool_kind in ('compute', 'overhead') then 'idle'
        when g.pool_kind = 'storage' then 'unmeasured'
        else 'whole'
    end
from usage_shares u
join charge_groups g on g.group_nr = u.group_nr
union all
select
    g.group_nr, cast(null as bigint), cast(null as varchar), cast(null as varchar), cast(null as varchar),
    case
        when g.pool_kind = 'shared' then 'shared'
        when g.cluster_id is not null then 'unobserved-cluster'
        else 'direct'
    end,
    cast(1 as bigint), 'whole'
from charge_groups g
left join told t on t.group_nr = g.group_nr
left join requested r on r.group_nr = g.group_nr
where g.pool_kind in ('direct', 'shared') and t.group_nr is null and r.group_nr is null
