-- One row per UTC day with a storage cost of a table whose properties name another owner.
with now_owners as (
    select table_id, owner
    from (
        select table_id, owner, row_number() over (partition by table_id order by collected_at desc) as nth
        from stg_tables
        where owner is not null
    ) ranked
    where nth = 1
),
before_owners as (
    select table_id, owner
    from (
        select table_id, owner, row_number() over (partition by table_id order by collected_at desc) as nth
        from before.main.stg_tables
        where owner is not null
    ) ranked
    where nth = 1
),
tables as (
    select coalesce(n.table_id, b.table_id) as table_id
    from now_owners n
    full outer join before_owners b on b.table_id = n.table_id
    where n.owner is distinct from b.owner
)
select distinct a.usage_date as day
from before.main.owned_atoms a
where a.part = 'table' and a.table_id in (select table_id from tables)
