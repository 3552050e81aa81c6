-- One row per table that is still there: its newest collection and the team that owns it now.
-- Key: table_id
with ranked as (
    select t.*, row_number() over (partition by t.table_id order by t.collected_at desc) as nth
    from stg_tables t
    -- A table dropped since keeps its past costs, and is no longer listed.
    join source_units u on u.source = t.source and u.unit = t.source_object
),
owners as (
    select table_id, team, row_number() over (partition by table_id order by usage_date desc) as nth
    from owner_of_table
),
bytes as (
    -- What the newest inventory tells of it that listed it since.
    select
        *, row_number() over (partition by table_id, collected_on order by known_on desc) as nth
    from table_bytes
)
select r.*, o.team, b.expirable_bytes, b.orphaned_bytes, b.noncurrent_bytes
from ranked r
left join owners o on o.table_id = r.table_id and o.nth = 1
left join bytes b on b.table_id = r.table_id and b.collected_on = r.collected_on and b.nth = 1
where r.nth = 1
