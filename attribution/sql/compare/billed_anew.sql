-- One row per part of a changed group as the earlier mart splits and owns it, at what the later mart bills: the step between restated bill lines and all else.
-- Key: charge_group_id, engine?, run_id?, table_id?, consumer_kind?, consumer?, part
with recut as (
    -- Both the cost and the split differ: the later cost is split by the earlier weights.
    select charge_group_id, later_cost as cost
    from changed_groups
    where presence = 'both' and earlier_cost <> later_cost and is_same_split = 0
    union all
    select m.charge_group_id, m.cost
    from moved_groups m
    join changed_groups g on g.charge_group_id = m.charge_group_id
    where m.side = 'earlier' and m.cost <> g.earlier_cost
),
cut as (
    select
        a.*, r.cost as whole,
        part_of(r.cost, a.weight, a.weight_total) as share,
        row_number() over (
            partition by a.charge_group_id
            order by
                a.weight desc, coalesce(a.run_id, ''), coalesce(a.table_id, ''), coalesce(a.engine, ''),
                coalesce(a.consumer, ''), a.part
        ) as nth
    from earlier_atoms a
    join recut r on r.charge_group_id = a.charge_group_id
),
given as (
    select charge_group_id, sum(share) as given
    from cut
    group by charge_group_id
),
kept as (
    -- The same cost: whatever else changed, these are the earlier parts.
    select charge_group_id
    from changed_groups
    where presence = 'both' and earlier_cost = later_cost
    union all
    select m.charge_group_id
    from moved_groups m
    join changed_groups g on g.charge_group_id = m.charge_group_id
    where m.side = 'earlier' and m.cost = g.earlier_cost
),
parts as (
    select c.* exclude (whole, share, nth) replace (whole_part(c.whole, c.share, v.given, c.nth) as cost)
    from cut c
    join given v on v.charge_group_id = c.charge_group_id
    union all by name
    select a.*
    from earlier_atoms a
    join kept k on k.charge_group_id = a.charge_group_id
    union all by name
    -- The same split of another cost: the later parts, told as the earlier were.
    select a.* replace (l.cost as cost)
    from earlier_atoms a
    join changed_groups g
        on g.charge_group_id = a.charge_group_id
        and g.presence = 'both' and g.earlier_cost <> g.later_cost and g.is_same_split = 1
    join later_atoms l
        on l.charge_group_id = a.charge_group_id and l.part = a.part
        and l.engine is not distinct from a.engine and l.run_id is not distinct from a.run_id
        and l.table_id is not distinct from a.table_id and l.consumer is not distinct from a.consumer
        and l.consumer_kind is not distinct from a.consumer_kind
    union all by name
    -- Lines that are new altogether, owned as before where that is known.
    select a.*
    from later_owned a
    join changed_groups g on g.charge_group_id = a.charge_group_id and g.presence = 'new'
    where a.charge_group_id not in (select charge_group_id from moved_groups)
)
select * from parts
