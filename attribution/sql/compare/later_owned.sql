-- One row per atom of a changed group in the later mart, with the owner the earlier mart had for it, where it knew one.
-- Key: charge_group_id, engine?, run_id?, table_id?, consumer_kind?, consumer?, part
with owned as (
    select d.* replace ({owned})
    from later_atoms d
    join earlier_owners h on h.subject = d.subject and h.usage_date = d.usage_date
    union all
    select d.*
    from later_atoms d
    where not exists (
        select 1 from earlier_owners h where h.subject = d.subject and h.usage_date = d.usage_date
    )
)
select c.* replace ({key} as key, {asked} as is_asked)
from owned c
