-- One row per table and power of two: the data files of the newest collection in partitions
-- whose mean file has at least so many bytes and less than twice as many. What each file has
-- is not landed; what a partition's files have on average is.
-- Key: table_id, from_bytes
with ranked as (
    select
        p.*,
        dense_rank() over (partition by p.table_id order by p.collected_at desc) as collection_nth,
        row_number() over (
            partition by p.table_id, p.spec_id, p.partition order by p.collected_at desc, p.source, p.source_object
        ) as nth
    from landed_table_partitions p
),
means as (
    select
        table_id, data_files, data_bytes,
        cast(floor(log2(greatest(1, data_bytes // data_files))) as integer) as power
    from ranked
    where collection_nth = 1 and nth = 1 and data_files > 0
)
select
    table_id,
    cast(power(2, power) as bigint) as from_bytes,
    count(*) as partitions,
    cast(sum(data_files) as bigint) as data_files,
    cast(sum(data_bytes) as bigint) as data_bytes
from means
group by table_id, power
