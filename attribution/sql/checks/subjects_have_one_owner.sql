-- Any row is a subject of ownership that has two owners on one day.
select subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date, count(*) as owners
from resolved_owners
group by subject, engine, run_id, table_id, cluster_id, tag_set_id, resource_id, account_id, usage_date
having count(*) > 1
