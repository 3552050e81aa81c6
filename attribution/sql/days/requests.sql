-- One row per UTC day and table that anything asked for: how much, and the bucket it lies in.
with buckets_of_tables as (
    select table_id, bucket
    from (
        select table_id, bucket, row_number() over (partition by table_id order by collected_at desc) as nth
        from stg_tables
        where bucket is not null
    ) ranked
    where nth = 1
)
select r.used_on as day, hash(hash(r), b.bucket) as mark
from stg_table_requests r
join buckets_of_tables b on b.table_id = r.table_id
