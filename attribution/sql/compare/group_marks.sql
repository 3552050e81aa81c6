-- One row per charge group of one mart on the days compared: its cost, and marks that differ where its split, or anything told of a part, does.
-- Key: charge_group_id
with marked as (
    select
        c.charge_group_id,
        count(*) as parts,
        bit_xor(hash(c.engine, c.run_id, c.table_id, c.consumer_kind, c.consumer, c.part, c.weight)) as split_mark,
        bit_xor(hash(
            c.engine, c.run_id, c.table_id, c.consumer_kind, c.consumer, c.part, c.weight, c.weight_total,
            c.method, c.category, c.team, c.workload, c.{cost}, {key}, {asked}
        )) as part_mark
    from atoms c
    where {days}
    group by c.charge_group_id
)
select
    g.charge_group_id, g.group_key, g.bucket_start, g.usage_date, g.pool, g.pool_rule, g.pool_kind,
    g.{cost} as cost,
    m.parts, m.split_mark, m.part_mark
from charge_groups g
join marked m on m.charge_group_id = g.charge_group_id
