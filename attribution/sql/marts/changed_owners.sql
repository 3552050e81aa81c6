-- One row per subject and day that was ever recorded with another team than now: the id of
-- its history, which all subjects share that had the same teams by the same publishes that day.
-- Key: subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date
select
    subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date,
    md5(
        cast(usage_date as string) || chr(30)
        || string_agg(cast(publish_nr as string) || chr(31) || team, chr(30) order by publish_nr)
    ) as owner_history_id
from owner_records
group by subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date
