-- One row per charge group, run and table with a part in it: integer weights. Every
-- charge group has at least one row.
-- Key: group_nr, engine?, run_id?, table_id?, part
with outputs as (
    select
        o.engine, o.run_id, o.table_id, o.weight,
        sum(o.weight) over (partition by o.engine, o.run_id) as all_weight,
        count(*) over (partition by o.engine, o.run_id) as tables,
        row_number() over (
            partition by o.engine, o.run_id
            -- What has no table comes last, as engines disagree on where nulls stand.
            order by o.weight desc, case when o.table_id is null then 1 else 0 end, o.table_id
        ) as nth
    from stg_run_outputs o
),
by_run as (
    -- Most runs write one table or none: nothing to split.
    select c.group_nr, c.engine, c.run_id, c.method, c.weight, o.table_id, coalesce(o.tables, 0) as tables
    from compute_shares c
    left join outputs o on o.engine = c.engine and o.run_id = c.run_id and o.nth = 1
),
by_output as (
    -- A run's part is split over the tables it wrote, by bytes; whole units, the rest to the largest.
    select
        b.group_nr, b.engine, b.run_id, o.table_id, b.method, b.weight as run_weight, o.nth,
        cast(floor(cast(b.weight as double) * (cast(o.weight as double) / o.all_weight)) as bigint) as weight
    from by_run b
    join outputs o on o.engine = b.engine and o.run_id = b.run_id
    where b.tables > 1
),
compute as (
    select group_nr, engine, run_id, table_id, method, weight
    from by_run
    where tables <= 1
    union all
    select
        b.group_nr, b.engine, b.run_id, b.table_id, b.method,
        b.weight + case
            when b.nth = 1
                then b.run_weight
                    - cast(sum(b.weight) over (partition by b.group_nr, b.engine, b.run_id) as bigint)
            else 0
        end
    from by_output b
)
select
    group_nr, engine, run_id, table_id, method, cast(weight as bigint) as weight,
    case when run_id is null then 'idle' else 'run' end as part
from compute
where weight > 0
union all
select
    group_nr, cast(null as varchar), cast(null as varchar), table_id, method, weight,
    case when table_id is null then 'unmeasured' else 'table' end
from storage_shares
union all
select
    g.group_nr, cast(null as varchar), cast(null as varchar), cast(null as varchar),
    case
        when g.pool_kind = 'shared' then 'shared'
        when g.cluster_id is not null then 'unobserved-cluster'
        else 'direct'
    end,
    cast(1 as bigint), 'whole'
from charge_groups g
where g.pool_kind in ('direct', 'shared')
