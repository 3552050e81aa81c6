-- One row per place (bucket and the directory that one initiator's keys share) and currency with
-- multipart uploads begun more than a week ago and never completed: their parts are billed.
-- Waste = bytes of parts x what a byte cost on each day after the first week.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['incomplete-uploads.min_days'] as limit_min_days,
        number['incomplete-uploads.enabled'] as limit_enabled
    from waste_limits
),
uploads as (
    -- As the newest listing that says it has it: parts may come on top.
    select
        u.bucket, u.key, u.upload_id, max_by(u.source, u.collected_at) as source, min(u.initiated_at) as initiated_at,
        coalesce(max_by(u.bytes, u.collected_at) filter (where u.bytes is not null), 0) as bytes,
        coalesce(max_by(u.initiator, u.collected_at) filter (where u.initiator is not null), '') as initiator,
        max(u.collected_at) as seen_at
    from landed_uploads u
    where u.upload_id is not null
    group by u.bucket, u.key, u.upload_id
),
newest as (
    -- A bucket that had none has a row too.
    select source, bucket, max(collected_at) as collected_at from landed_uploads group by source, bucket
),
places as (
    -- The directory all keys of an initiator share, up to its first part with a digit.
    select
        u.*,
        regexp_replace(regexp_replace(u.key, '[^/]*$', ''), '(^|/)[^/]*[0-9][^/]*/.*$', '\1') as directory
    from uploads u
),
tops as (
    select *, split_part(directory, '/', 1) as top from places
),
shared as (
    -- Two directories of one initiator under one top are one place.
    select bucket, initiator, top, case when count(distinct directory) = 1 then min(directory) else top || '/' end as prefix
    from tops
    group by bucket, initiator, top
),
located as (
    select t.*, s.prefix, t.bucket || '/' || s.prefix as subject
    from tops t
    join shared s on s.bucket = t.bucket and s.initiator = t.initiator and s.top = t.top
),
old as (
    select
        x.*, n.collected_at as newest_at, b.team, l.limit_min_days as min_days,
        x.initiated_at + to_days(cast(l.limit_min_days as integer)) as wasted_from,
        -- One that a later listing no longer has ended by then.
        case when x.seen_at < n.collected_at then x.seen_at end as ended_at
    from located x
    join newest n on n.source = x.source and n.bucket = x.bucket
    left join waste_subjects b on b.subject_kind = 'bucket' and b.subject = x.bucket
    join limits l on l.profile = coalesce(b.profile, chr(31))
    where l.limit_enabled > 0
),
daily as (
    select
        o.subject, o.bucket, p.billing_currency, p.usage_date, sum(o.bytes) as bytes, sum(o.bytes) * any_value(p.byte_price) as amount, count(*) as uploads
    from old o
    join waste_byte_prices p
        on p.bucket = o.bucket and p.storage_class = 'STANDARD'
        and o.wasted_from < cast(p.usage_date as timestamp) + interval 12 hour
        and (o.ended_at is null or o.ended_at > cast(p.usage_date as timestamp))
    group by all
),
facts as (
    select
        subject, bucket, prefix, max(team) as team, count(*) as uploads, sum(bytes) as bytes, min(initiated_at) as oldest_at,
        max(min_days) as min_days, max(initiator) as initiator, list(upload_id order by initiated_at)[:3] as ids, arg_min(key, initiated_at) as key
    from old
    where wasted_from < newest_at
    group by subject, bucket, prefix
)
select
    'incomplete-uploads' as detector, 'bucket' as subject_kind, f.subject, f.team, d.billing_currency,
    0.0 as fix_cost, 3 as rate_days, 'high' as confidence,
    json_object('uploads', f.uploads, 'bytes', f.bytes, 'oldest', f.oldest_at, 'initiator', f.initiator, 'examples', f.ids) as evidence,
    ['begun more than ' || cast(f.min_days as integer) || ' days before', 'S3 Inventory does not list them, the listing does'] as guards,
    '# Everything that was begun under this prefix and not completed within ' || cast(f.min_days as integer)
        || ' days ends, whoever began it: make sure that no upload takes so long.' || chr(10)
        || add_lifecycle_rule(f.bucket, '{"ID":"lakeledger-abort-uploads-' || substr(md5(f.prefix), 1, 8) || '","Status":"Enabled","Filter":{"Prefix":'
        || json_text(f.prefix) || '},"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":' || cast(f.min_days as integer) || '}}') || chr(10)
        || '# The rule ends them within a day or two. To end one at once (the oldest of ' || f.uploads || '):' || chr(10)
        || 'aws s3api abort-multipart-upload --bucket ' || shell_word(f.bucket) || ' --key ' || shell_word(f.key)
        || ' --upload-id ' || shell_word(f.ids[1]) as action,
    list(struct_pack(pot_kind := 'bucket', pot := f.bucket, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := d.usage_date, amount := cast(round(d.amount, 12) as decimal(38, 12))) order by d.usage_date) as claims
from facts f
join daily d on d.subject = f.subject
group by all
