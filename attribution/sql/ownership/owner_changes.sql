-- One row per subject and day that has another owner than was last recorded of it, or none
-- yet: what this publish adds to the record. Rules are compared by what they say, not by
-- their number or line: a rule that moved in its file changes nothing.
-- Key: subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date
with ranked as (
    select
        r.*,
        row_number() over (
            partition by r.subject, r.engine, r.run_id, r.table_id, r.cluster_id, r.tag_set_id, r.resource_id,
                r.account_id, r.usage_date
            order by r.publish_nr desc
        ) as nth
    from recorded_owners r
    where r.subject <> 'publish'
)
select
    o.subject, o.engine, o.run_id, o.table_id, o.cluster_id, o.tag_set_id, o.resource_id, o.account_id,
    o.usage_date, o.team, o.owner_rule
from resolved_owners o
left join ranked r
    on r.nth = 1
    and r.subject = o.subject and r.engine = o.engine and r.run_id = o.run_id and r.table_id = o.table_id
    and r.cluster_id = o.cluster_id and r.tag_set_id = o.tag_set_id and r.resource_id = o.resource_id
    and r.account_id = o.account_id and r.usage_date = o.usage_date
where r.subject is null
    or coalesce(r.team, '') <> coalesce(o.team, '')
    or regexp_replace(coalesce(r.owner_rule, ''), '^.*?: ', '') <> regexp_replace(coalesce(o.owner_rule, ''), '^.*?: ', '')
