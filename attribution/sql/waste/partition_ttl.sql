-- One row per table and currency that keeps days of rows longer than anybody looks back:
-- beyond 90 days, and beyond the look-back that 999 of 1000 reads do not exceed. Not where a
-- property asks for it, nor where more than one read in a thousand has no bound, or none that is
-- known: it may read all of it.
-- Waste = bytes of days past that x what a byte of the class they lie in cost that day.
-- The risk curve says which part of past reads other ages would have missed.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['partition-ttl.keep_days'] as limit_keep_days,
        number['partition-ttl.enabled'] as limit_enabled,
        words['partition-ttl.hold_properties'] as limit_hold_properties,
        number['partition-ttl.min_past_share'] as limit_min_past_share
    from waste_limits
),
days as (
    select table_id, rows_on, sum(data_bytes) as bytes,
        min(regexp_extract(partition, '([^/=]+)=\d{4}-\d{2}-\d{2}', 1)) as day_field
    from waste_partitions
    where rows_on is not null
    group by table_id, rows_on
),
tables as (
    select
        t.table_id, t.team, t.bucket, t.name, t.namespace, t.catalog, t.partition_spec, k.reads, k.bounded_reads,
        k.back_p90, k.back_p99, k.back_p999, k.back_max, l.limit_min_past_share,
        greatest(l.limit_keep_days, coalesce(k.back_p999, 0)) as keep_days
    from waste_tables t
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    left join waste_lookbacks k on k.table_id = t.table_id
    where l.limit_enabled > 0
        and not list_has_any(json_keys(t.props), l.limit_hold_properties)
),
kept as (
    select
        t.table_id, sum(d.bytes) as bytes,
        coalesce(sum(d.bytes) filter (where d.rows_on < b.last_day - cast(t.keep_days as integer)), 0) as past_bytes,
        min(d.rows_on) as oldest_on, min(d.day_field) as day_field
    from tables t
    join days d on d.table_id = t.table_id
    cross join waste_days b
    group by t.table_id
),
classes as (
    -- The oldest lie in the coldest class that the newest inventory that lists the table knows: prefixes of a bucket
    -- may have inventories of their own, on other days.
    select s.table_id, s.storage_class, s.stored_bytes
    from stg_storage s
    join (
        select l.table_id, l.bucket, max(l.collected_on) as collected_on
        from stg_storage l
        join tables t on t.table_id = l.table_id and t.bucket = l.bucket
        group by l.table_id, l.bucket
    ) n on n.table_id = s.table_id and n.bucket = s.bucket and n.collected_on = s.collected_on
    where s.storage_class <> '*'
),
cold as (
    select table_id, arg_max(storage_class, stored_bytes) as storage_class, sum(stored_bytes) as bytes
    from classes
    where storage_class <> 'STANDARD'
    group by table_id
),
wasteful as (
    select
        t.*,
        -- The column a transform of time is taken of, or the field that is a day itself.
        coalesce(
            nullif(regexp_extract(t.partition_spec, '(?:years|months|days|hours)\(([^)]+)\)', 1), ''), k.day_field
        ) as day_column,
        k.bytes, k.past_bytes, k.oldest_on, c.storage_class as cold_class, coalesce(c.bytes, 0) as cold_bytes
    from tables t
    join kept k on k.table_id = t.table_id
    left join cold c on c.table_id = t.table_id
    where k.past_bytes >= t.limit_min_past_share * k.bytes and k.past_bytes > 0
        -- Of tables whose reads are known; what nobody reads is another finding.
        and t.reads > 0 and t.bounded_reads >= 0.999 * t.reads
),
past as (
    select w.table_id, p.usage_date, sum(d.bytes) as bytes
    from wasteful w
    join (select distinct bucket, usage_date from waste_byte_prices) p on p.bucket = w.bucket
    join days d on d.table_id = w.table_id and d.rows_on < p.usage_date - cast(w.keep_days as integer)
    group by w.table_id, p.usage_date
),
daily as (
    select
        w.table_id, s.billing_currency, s.usage_date, x.bytes,
        least(x.bytes, w.cold_bytes) * coalesce(c.byte_price, s.byte_price)
            + greatest(x.bytes - w.cold_bytes, 0) * s.byte_price as amount
    from wasteful w
    join past x on x.table_id = w.table_id
    join waste_byte_prices s on s.bucket = w.bucket and s.usage_date = x.usage_date and s.storage_class = 'STANDARD'
    left join waste_byte_prices c
        on c.bucket = w.bucket and c.usage_date = x.usage_date and c.storage_class = w.cold_class
        and c.billing_currency = s.billing_currency
),
curve as (
    select
        w.table_id,
        list(struct_pack(
            days := a.age, saved_bytes := coalesce((select sum(d.bytes) from days d cross join waste_days b where d.table_id = w.table_id and d.rows_on < b.last_day - a.age), 0),
            reads_missed := case
                when w.back_max is null or w.back_max <= a.age then 0
                when w.back_p999 <= a.age then 0.001 when w.back_p99 <= a.age then 0.01 when w.back_p90 <= a.age then 0.1 else 1
            end
        ) order by a.age) as points
    from wasteful w
    cross join (select unnest([30, 60, 90, 180, 365]) as age) a
    group by w.table_id
)
select
    'partition-ttl' as detector, 'table' as subject_kind, w.table_id as subject, w.team, d.billing_currency,
    0.0 as fix_cost, 3 as rate_days, 'medium' as confidence,
    json_object(
        'oldest_day', w.oldest_on, 'keep_days', w.keep_days, 'past_bytes', w.past_bytes, 'bytes', w.bytes,
        'reads', w.reads, 'look_back_p99', w.back_p99, 'look_back_p999', w.back_p999, 'look_back_max', w.back_max,
        'risk_curve', v.points
    ) as evidence,
    ['no property asks to keep it', 'of all reads it is known how far back they looked, and none but one in a thousand looked further'] as guards,
    '-- a metadata operation on whole partitions; then expire_snapshots:' || chr(10)
        || 'DELETE FROM ' || spark_name(w.table_id) || ' WHERE ' || spark_name(w.day_column)
        || ' < current_date - INTERVAL ' || cast(cast(w.keep_days as integer) as varchar) || ' DAYS;' as action,
    list(struct_pack(pot_kind := 'table', pot := w.table_id, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := d.usage_date, amount := cast(round(d.amount, 12) as decimal(38, 12))) order by d.usage_date) as claims
from wasteful w
join daily d on d.table_id = w.table_id
join curve v on v.table_id = w.table_id
group by all
