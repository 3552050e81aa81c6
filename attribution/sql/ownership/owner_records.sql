-- One row per subject, day and publish that recorded an owner of it, of subjects and days
-- that were ever recorded with another team: what as-was has to tell apart from today.
-- Key: publish_nr, subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date
with records as (
    select
        publish_nr, subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id,
        usage_date, coalesce(team, '') as team
    from recorded_owners
    where subject <> 'publish'
    union all
    select
        p.publish_nr, c.subject, c.engine, c.run_id, c.table_id, c.cluster_id, c.tag_set_id, c.resource_id,
        c.account_id, c.usage_date, coalesce(c.team, '')
    from owner_changes c
    cross join (select max(publish_nr) as publish_nr from publishes) p
),
changed as (
    select subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date
    from records
    group by subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date
    having min(team) <> max(team)
)
select r.*
from records r
join changed c
    on c.subject = r.subject and c.engine = r.engine and c.run_id = r.run_id and c.table_id = r.table_id
    and c.cluster_id = r.cluster_id and c.tag_set_id = r.tag_set_id and c.resource_id = r.resource_id
    and c.account_id = r.account_id and c.usage_date = r.usage_date
