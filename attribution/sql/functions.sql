-- What several models compute, once. Parts of a cost are cut off towards zero, so that none
-- has another sign than its whole, and what the cuts left goes to the largest.

-- Doubles hold 15 digits for sure: parts of a cost below a thousand are cut off at 12 digits,
-- below a billion at 6, others at whole units. Counted in these units a cost and its parts are
-- whole numbers that every engine has alike. The 1 in the fifteenth digit makes up for doubles
-- that fall a hair short of 0.08.
create or replace macro cut_units(cost) as
    case
        when abs(cost) < 1000 then cast(cast(cost as decimal(38, 12)) as double) * 1.000000000000001e12
        when abs(cost) < 1000000000 then cast(cast(cost as decimal(38, 6)) as double) * 1.000000000000001e6
        else cast(cast(cost as decimal(38, 0)) as double) * 1.000000000000001
    end;

-- The unit itself.
create or replace macro cut_unit(cost) as
    case
        when abs(cost) < 1000 then cast(0.000000000001 as decimal(13, 12))
        when abs(cost) < 1000000000 then cast(0.000001 as decimal(13, 12))
        else cast(1 as decimal(13, 12))
    end;

-- A share of a cost so counted.
create or replace macro cut_part(units, unit, share) as
    cast(cast(cast(sign(units) * floor(abs(units) * share) as bigint) as decimal(19, 0)) * unit as decimal(38, 12));

-- The bucket of a resource: arn:aws:s3:::bucket, or its name.
create or replace macro bucket_of(resource_id) as
    case when resource_id like 'arn:aws%:s3:::%' then split_part(resource_id, ':::', 2) else resource_id end;

-- The storage class that a usage type bills: TimedStorage-SIA-ByteHrs, EUW1-TimedStorage-ByteHrs, ...
create or replace macro storage_class_of(usage_type) as
    case
        when usage_type like '%TimedStorage-ByteHrs' then 'STANDARD'
        when usage_type like '%TimedStorage-SIA-%' then 'STANDARD_IA'
        when usage_type like '%TimedStorage-ZIA-%' then 'ONEZONE_IA'
        when usage_type like '%TimedStorage-GIR-%' then 'GLACIER_IR'
        when usage_type like '%TimedStorage-GDA-%' then 'DEEP_ARCHIVE'
        when usage_type like '%TimedStorage-Glacier%' then 'GLACIER'
        when usage_type like '%TimedStorage-INT-%' then 'INTELLIGENT_TIERING'
        when usage_type like '%TimedStorage-RRS-%' then 'REDUCED_REDUNDANCY'
    end;

-- Bytes that a quantity of a day stored all day long: GB-months x 2^30 x hours of the month / 24.
create or replace macro stored_bytes_of(quantity, unit, day) as
    case
        when unit like 'GB-Mo%' or unit like 'GB/Mo%' then
            quantity * 1073741824.0
            * (unix_seconds(date_trunc('month', day) + interval 1 month) - unix_seconds(date_trunc('month', day)))
            / 3600.0 / 24.0
        when unit like 'GB-H%' or unit like 'GB/H%' then quantity * 1073741824.0 / 24.0
        when lower(unit) like 'byte-h%' or lower(unit) like 'bytes-h%' then quantity / 24.0
    end;

-- What ownership of an atom is resolved for, and the columns that name it, empty where they are
-- no part of it: a run; a cluster (what was idle); a table in a bucket; a consumer of told usage
-- with the charge it stands on, which is its owner where it has none; or the charge.
create or replace macro subject_kind(part) as
    case part
        when 'run' then 'run'
        when 'idle' then 'cluster'
        when 'table' then 'table'
        when 'consumer' then 'consumer'
        else 'charge'
    end;

create or replace macro subject_engine(part, engine, consumer_kind) as
    coalesce(case part when 'run' then engine when 'consumer' then consumer_kind end, '');

create or replace macro subject_run(part, run_id, consumer) as
    coalesce(case part when 'run' then run_id when 'consumer' then consumer end, '');

create or replace macro subject_table(part, table_id) as
    coalesce(case part when 'table' then table_id end, '');

-- A cluster of which nothing is known but what its charges say: they are the subject, beside it.
create or replace macro subject_cluster(part, method, cluster_id) as
    coalesce(case
        when part in ('idle', 'consumer') or method in ('unobserved-cluster', 'usage-rest') then cluster_id
    end, '');

-- Tags, resource and account of the charge.
create or replace macro subject_fact(part, fact) as
    coalesce(case when part not in ('run', 'idle') then fact end, '');

-- Of marts alone: a part of a cost by integer weights, cut off at 12 digits.
create or replace macro part_of(cost, weight, weight_total) as
    cast(sign(cast(cost as double)) * floor(
        abs(cast(cost as double)) * (cast(weight as double) / cast(weight_total as double))
        * 1.000000000000001e12
    ) / 1e12 as decimal(38, 12));

-- That part with what the cuts left, where it is the first.
create or replace macro whole_part(cost, part, given, nth) as
    case when nth = 1 then cast(part + (cost - given) as decimal(38, 18))
        else cast(part as decimal(38, 18)) end;
