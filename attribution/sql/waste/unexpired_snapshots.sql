-- One row per table and currency whose old snapshots hold files that nothing else needs: those
-- a kept snapshot removed, where the snapshot before it may expire (older than the table's own
-- max-snapshot-age, else five days; a week where Flink writes) and is none of the newest that its
-- min-snapshots-to-keep asks for. Not where collection is off, and not what a tag or branch holds.
-- Waste = bytes so held x what a byte cost that day in the bucket.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['unexpired-snapshots.stream_keep_days'] as limit_stream_keep_days,
        number['unexpired-snapshots.keep_days'] as limit_keep_days,
        number['unexpired-snapshots.enabled'] as limit_enabled,
        number['unexpired-snapshots.min_share'] as limit_min_share
    from waste_limits
),
snapshots as (
    select s.*, row_number() over (partition by s.table_id, s.snapshot_id order by s.collected_at desc) as nth
    from landed_table_snapshots s
),
kept as (
    select
        s.table_id, s.snapshot_id, s.committed_at, coalesce(s.removed_bytes, 0) as removed_bytes,
        lag(s.committed_at) over (partition by s.table_id order by s.committed_at) as before_at,
        row_number() over (partition by s.table_id order by s.committed_at desc) as newest_nth,
        -- A tag or branch beside main at or before it may hold what it removed.
        coalesce(bool_or(len(list_filter(string_split(coalesce(s.ref_names, ''), ','), lambda n: trim(n) not in ('', 'main'))) > 0) over (
            partition by s.table_id order by s.committed_at rows between unbounded preceding and 1 preceding
        ), false) as may_be_held,
        coalesce(s.summary, '') like '%flink.%' as is_flink
    from snapshots s
    join waste_tables t on t.table_id = s.table_id and t.collected_at = s.collected_at
    where s.nth = 1
),
tables as (
    select
        t.table_id, t.team, t.catalog, t.namespace, t.name, t.bucket, t.props, t.data_bytes, t.snapshots, l.limit_min_share,
        greatest(1, coalesce(
            try_cast(json_extract_string(t.props, '$."history.expire.min-snapshots-to-keep"') as integer), 1
        )) as keep_snapshots,
        coalesce(
            try_cast(json_extract_string(t.props, '$."history.expire.max-snapshot-age-ms"') as double) / 86400000.0,
            case when f.is_flink then l.limit_stream_keep_days else l.limit_keep_days end
        ) as keep_days
    from waste_tables t
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    left join (select table_id, bool_or(is_flink) as is_flink from kept group by table_id) f on f.table_id = t.table_id
    where l.limit_enabled > 0
        and lower(coalesce(json_extract_string(t.props, '$."gc.enabled"'), 'true')) <> 'false'
        -- Where there are so many that metadata suffers, that is the finding.
        and t.table_id not in (select subject from metadata_bloat)
),
removals as (
    select t.table_id, k.before_at, k.removed_bytes, t.keep_days
    from tables t
    join kept k on k.table_id = t.table_id
    where k.before_at is not null and not k.may_be_held and k.removed_bytes > 0
        -- The one before it, which needs what it removed, is kept as one of so many.
        and k.newest_nth >= t.keep_snapshots
),
days as (
    select p.bucket, p.usage_date, p.billing_currency, p.byte_price
    from waste_byte_prices p
    where p.storage_class = 'STANDARD'
),
daily as (
    select
        t.table_id, d.billing_currency, d.usage_date,
        sum(r.removed_bytes) as held_bytes,
        sum(r.removed_bytes) * any_value(d.byte_price) as amount
    from tables t
    join days d on d.bucket = t.bucket
    join removals r on r.table_id = t.table_id
        and r.before_at + to_seconds(cast(r.keep_days * 86400 as bigint)) < cast(d.usage_date as timestamp) + interval 12 hour
    group by all
),
wasteful as (
    select t.*, y.billing_currency, y.held_bytes
    from tables t
    join daily y on y.table_id = t.table_id
    join waste_days b on y.usage_date = b.last_day
    where y.held_bytes >= t.limit_min_share * greatest(t.data_bytes, 1)
)
select
    'unexpired-snapshots' as detector, 'table' as subject_kind, w.table_id as subject, w.team, w.billing_currency,
    0.0 as fix_cost, 3 as rate_days, 'high' as confidence,
    json_object(
        'snapshots', w.snapshots, 'expirable_bytes', w.held_bytes, 'data_bytes', w.data_bytes, 'keep_days', w.keep_days, 'keep_snapshots', w.keep_snapshots,
        'oldest', (select min(committed_at) from kept k where k.table_id = w.table_id)
    ) as evidence,
    ['gc.enabled is not false', 'no tag or branch holds them', 'the table''s own max-snapshot-age and min-snapshots-to-keep count'] as guards,
    'CALL ' || spark_part(w.catalog) || '.system.expire_snapshots(table => ' || spark_text(spark_name(w.namespace) || '.' || spark_part(w.name))
        || ', older_than => TIMESTAMP ''' || strftime((select last_day from waste_days) - cast(w.keep_days as integer), '%Y-%m-%d')
        || ' 00:00:00'', retain_last => ' || cast(w.keep_snapshots as varchar) || ');' || chr(10)
        || 'ALTER TABLE ' || spark_name(w.table_id) || ' SET TBLPROPERTIES (''history.expire.max-snapshot-age-ms'' = '''
        || cast(cast(w.keep_days * 86400000 as bigint) as varchar) || ''');' as action,
    list(struct_pack(pot_kind := 'table', pot := w.table_id, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := y.usage_date, amount := cast(round(y.amount, 12) as decimal(38, 12))) order by y.usage_date) as claims
from wasteful w
join daily y on y.table_id = w.table_id and y.billing_currency = w.billing_currency
group by w.table_id, w.team, w.catalog, w.namespace, w.name, w.bucket, w.props, w.data_bytes, w.snapshots, w.limit_min_share, w.keep_snapshots, w.keep_days, w.billing_currency, w.held_bytes
