-- One row per table and currency whose old days lie in STANDARD though hardly anybody reads them:
-- older than 45 days, less what another finding would delete. Cost of the fix: moving objects, and
-- retrieving what reads that go further back would get.
-- Waste = those bytes x (price of STANDARD - price of STANDARD_IA), as the bill has them. What it may have no line of
-- costs so much beside a byte kept in STANDARD as it does on AWS's list, which has that at 0.023 a GB and month: a byte
-- kept in STANDARD_IA 0.0125, one retrieved from it 0.01, an object moved to it 0.00001.
-- Not where a property says how it is read.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['storage-class.cold_days'] as limit_cold_days,
        number['storage-class.enabled'] as limit_enabled,
        words['storage-class.hold_properties'] as limit_hold_properties,
        number['storage-class.min_object_bytes'] as limit_min_object_bytes
    from waste_limits
),
days as (
    select table_id, rows_on, sum(data_bytes) as bytes, sum(data_files) as files,
        sum(data_bytes) / greatest(sum(data_files), 1) as mean_bytes
    from waste_partitions
    where rows_on is not null
    group by table_id, rows_on
),
spans as (
    -- And what the oldest days hold, for days that are no longer kept.
    select
        d.table_id, min(d.rows_on) as oldest_on, max(d.rows_on) as newest_on,
        avg(d.bytes) filter (where d.rows_on < o.oldest_on + 14) as oldest_bytes,
        avg(d.files) filter (where d.rows_on < o.oldest_on + 14) as oldest_files
    from days d
    join (select table_id, min(rows_on) as oldest_on from days group by table_id) o on o.table_id = d.table_id
    group by d.table_id
),
rolling as (
    -- Days are dropped as they age: snapshots of the last days delete files.
    select distinct s.table_id
    from landed_table_snapshots s
    join waste_tables t on t.table_id = s.table_id and t.collected_at = s.collected_at
    where s.operation = 'delete' and s.removed_bytes > 0
),
deleted as (
    select subject as table_id, cast(json_extract_string(evidence, '$.keep_days') as double) as keep_days
    from partition_ttl
),
tables as (
    select
        t.table_id, t.team, t.bucket, t.location, k.reads, k.back_p99, l.limit_min_object_bytes,
        l.limit_cold_days as cold_days,
        x.keep_days
    from waste_tables t
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    left join waste_lookbacks k on k.table_id = t.table_id
    left join deleted x on x.table_id = t.table_id
    where l.limit_enabled > 0
        and not list_has_any(json_keys(t.props), l.limit_hold_properties)
        -- Where it is not known how far back reads look, nobody knows what retrieving would cost.
        and (k.reads is null or k.bounded_reads >= 0.999 * k.reads)
),
classes as (
    select
        s.table_id,
        sum(s.stored_bytes) filter (where s.storage_class = 'STANDARD') as standard_bytes,
        sum(s.stored_bytes) filter (where s.storage_class <> 'STANDARD') as other_bytes
    from stg_storage s
    -- The newest that lists the table: prefixes of a bucket may have inventories of their own, on other days.
    join (
        select l.table_id, l.bucket, max(l.collected_on) as collected_on
        from stg_storage l
        join tables t on t.table_id = l.table_id and t.bucket = l.bucket
        group by l.table_id, l.bucket
    ) n on n.table_id = s.table_id and n.bucket = s.bucket and n.collected_on = s.collected_on
    where s.storage_class <> '*'
    group by s.table_id
),
prices as (
    select
        s.bucket, s.usage_date, s.billing_currency, s.byte_price - coalesce(c.byte_price, a.byte_price, s.byte_price * 0.0125 / 0.023) as price_gap,
        -- A GB kept for a month.
        s.byte_price * 1073741824.0 * 30.4375 as gb_price
    from waste_byte_prices s
    left join waste_byte_prices c
        on c.bucket = s.bucket and c.usage_date = s.usage_date and c.billing_currency = s.billing_currency
        and c.storage_class = 'STANDARD_IA'
    left join (
        select usage_date, billing_currency, avg(byte_price) as byte_price from waste_byte_prices where storage_class = 'STANDARD_IA' group by all
    ) a on a.usage_date = s.usage_date and a.billing_currency = s.billing_currency
    where s.storage_class = 'STANDARD'
),
known as (
    select
        t.table_id, p.usage_date, p.billing_currency, p.price_gap, p.gb_price,
        coalesce(sum(d.bytes), 0) as bytes, coalesce(sum(d.files), 0) as files
    from tables t
    join prices p on p.bucket = t.bucket
    left join days d on d.table_id = t.table_id
        and d.rows_on < p.usage_date - cast(t.cold_days as integer)
        and (t.keep_days is null or d.rows_on >= p.usage_date - cast(t.keep_days as integer))
        and d.mean_bytes >= t.limit_min_object_bytes
    group by t.table_id, p.usage_date, p.billing_currency, p.price_gap, p.gb_price
),
cold as (
    -- Cold days that were there then and are dropped since: as many as were kept, as large as the oldest are.
    select
        k.table_id, k.usage_date, k.billing_currency, k.price_gap, k.gb_price,
        k.bytes + x.missing_days * coalesce(s.oldest_bytes, 0) as bytes,
        k.files + x.missing_days * coalesce(s.oldest_files, 0) as files
    from known k
    join tables t on t.table_id = k.table_id
    join spans s on s.table_id = k.table_id
    left join rolling l on l.table_id = k.table_id
    cross join lateral (
        select case
            when l.table_id is null or t.keep_days is not null then 0
            else greatest(0, least(
                date_diff('day', k.usage_date, s.newest_on),
                date_diff('day', s.oldest_on, s.newest_on) - cast(t.cold_days as integer)
            ))
        end as missing_days
    ) x
),
retrievals as (
    -- GB a month that reads that go further back would pay to get.
    select t.table_id,
        sum(coalesce(a.bytes, 0) * greatest(0, 1 - t.cold_days / greatest(date_diff('day', a.oldest_partition_on, a.read_on), 1)))
            / greatest(date_diff('day', min(b.first_day), max(b.last_day)) + 1, 1) * 30.4375 / 1073741824.0 as month_gb
    from stg_table_access a
    join tables t on t.table_id = a.table_id
    cross join waste_days b
    where a.oldest_partition_on is not null and a.read_on between b.first_day and b.last_day
    group by t.table_id
),
wasteful as (
    select t.*, c.other_bytes, c.standard_bytes
    from tables t
    join classes c on c.table_id = t.table_id
    -- A rule that moves objects is there already where a class beside STANDARD is.
    where coalesce(c.other_bytes, 0) = 0 and t.reads > 0
),
last as (
    select
        c.table_id, c.billing_currency, c.bytes, c.files,
        -- What becomes cold in a month is moved, an object a request.
        c.files / greatest(t.cold_days, 1) * 30.4375 * c.gb_price * 0.00001 / 0.023 as move_cost,
        coalesce(v.month_gb, 0) * c.gb_price * 0.01 / 0.023 as retrieval_cost
    from cold c
    join tables t on t.table_id = c.table_id
    join waste_days b on c.usage_date = b.last_day
    left join retrievals v on v.table_id = c.table_id
)
select
    'storage-class' as detector, 'table' as subject_kind, w.table_id as subject, w.team, c.billing_currency,
    coalesce(any_value(z.move_cost + z.retrieval_cost), 0) as fix_cost,
    3 as rate_days, 'medium' as confidence,
    json_object(
        'cold_bytes', any_value(z.bytes), 'cold_objects', any_value(z.files), 'cold_days', w.cold_days, 'reads', w.reads,
        'look_back_p99', w.back_p99, 'retrieval_a_month', round(any_value(z.retrieval_cost), 4)
    ) as evidence,
    ['what reads further back would retrieve costs less', 'objects of ' || cast(w.limit_min_object_bytes // 1024 as integer) || ' KiB and more', 'what should be deleted is left out', 'no property says how it is read'] as guards,
    add_lifecycle_rule(w.bucket, '{"ID":' || json_text('lakeledger-cold-' || substr(md5(w.table_id), 1, 8))
        || ',"Status":"Enabled","Filter":{"And":{"Prefix":' || json_text(regexp_replace(w.location, '^s3[an]?://[^/]+/', '') || '/data/')
        || ',"ObjectSizeGreaterThan":' || cast(w.limit_min_object_bytes as bigint) || '}},"Transitions":[{"Days":' || cast(cast(w.cold_days as integer) as varchar)
        || ',"StorageClass":"STANDARD_IA"}]}') as action,
    list(struct_pack(pot_kind := 'table', pot := w.table_id, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(round(greatest(c.bytes * c.price_gap, 0), 12) as decimal(38, 12))) order by c.usage_date) as claims
from wasteful w
join cold c on c.table_id = w.table_id
left join last z on z.table_id = w.table_id and z.billing_currency = c.billing_currency
group by w.table_id, w.team, w.bucket, w.location, w.reads, w.back_p99, w.limit_min_object_bytes, w.cold_days, w.keep_days, w.other_bytes, w.standard_bytes, c.billing_currency
