-- One row per UTC day on which a consumer of usage rows has another owner, for what is known now
-- of workloads, tables and users; what it used that day being what it was.
with told as (
    (select * from owner_of_consumer except select * from before.main.owner_of_consumer)
    union all
    (select * from before.main.owner_of_consumer except select * from owner_of_consumer)
)
select distinct usage_date as day
from told
