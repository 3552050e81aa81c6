-- One row per table and currency whose metadata has grown: more than a thousand snapshots, or
-- metadata files of more than 10 MB, without a policy that asks for them.
-- Waste = metadata beyond that of 100 snapshots, files that only older ones hold and metadata files
-- nothing names x what a byte cost, and what each load of the larger file costs its readers. Data
-- that nothing names is that of orphan_files. As of unexpired snapshots: more than a hundred stay where
-- min-snapshots-to-keep asks for them, nothing where collection is off, and what a tag or branch holds is not counted.
-- How many bytes there were on a day: waste_growth.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['metadata-bloat.enabled'] as limit_enabled,
        number['metadata-bloat.max_snapshots'] as limit_max_snapshots,
        number['metadata-bloat.max_bytes'] as limit_max_bytes,
        words['metadata-bloat.policy_properties'] as limit_policy_properties,
        number['unexpired-snapshots.stream_keep_days'] as limit_stream_keep_days
    from waste_limits
),
named as (
    -- How many the table itself asks to keep.
    select
        table_id,
        coalesce(try_cast(json_extract_string(props, '$."history.expire.min-snapshots-to-keep"') as integer), 1) as least_snapshots
    from waste_tables
),
flinks as (
    -- It may start again from a checkpoint of some days ago.
    select distinct s.table_id
    from landed_table_snapshots s
    join waste_tables t on t.table_id = s.table_id and t.collected_at = s.collected_at
    where s.summary like '%flink.%'
),
tables as (
    select
        t.table_id, t.team, t.catalog, t.namespace, t.name, t.bucket, t.snapshots, t.metadata_bytes, t.manifests,
        greatest(100, n.least_snapshots) as keep_snapshots,
        case when f.table_id is not null then cast(l.limit_stream_keep_days as integer) end as stream_keep_days,
        -- What one metadata file takes: about a kilobyte a snapshot.
        t.snapshots * 1010 as file_bytes,
        coalesce(t.unnamed_metadata_bytes, 0) as unnamed_bytes
    from waste_tables t
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    join named n on n.table_id = t.table_id
    left join flinks f on f.table_id = t.table_id
    where l.limit_enabled > 0
        and (t.snapshots > l.limit_max_snapshots or t.snapshots * 1010 > l.limit_max_bytes)
        and not list_has_any(json_keys(t.props), l.limit_policy_properties)
        and t.snapshots > greatest(100, n.least_snapshots)
        and lower(coalesce(json_extract_string(t.props, '$."gc.enabled"'), 'true')) <> 'false'
),
removals as (
    -- What all but the newest snapshots hold: files that one of them removed.
    select
        r.table_id, sum(r.removed_bytes) as held_bytes,
        -- Days that were dropped were the oldest: they lie where old objects do.
        coalesce(sum(r.removed_bytes) filter (where r.operation = 'delete'), 0) as dropped_bytes
    from (
        select
            s.table_id, s.operation, coalesce(s.removed_bytes, 0) as removed_bytes, t.keep_snapshots,
            -- A tag or branch beside main at or before it may hold what it removed.
            coalesce(bool_or(len(list_filter(string_split(coalesce(s.ref_names, ''), ','), lambda n: trim(n) not in ('', 'main'))) > 0) over (
                partition by s.table_id order by s.committed_at rows between unbounded preceding and 1 preceding
            ), false) as may_be_held,
            row_number() over (partition by s.table_id order by s.committed_at desc) as nth,
            count(*) over (partition by s.table_id) as of_them
        from landed_table_snapshots s
        join waste_tables w on w.table_id = s.table_id and w.collected_at = s.collected_at
        join tables t on t.table_id = s.table_id
    ) r
    -- Before the oldest there is none that would need what it removed.
    where r.nth > r.keep_snapshots and r.nth < r.of_them and not r.may_be_held
    group by r.table_id
),
cold as (
    -- The class most of its colder bytes lie in.
    select table_id, arg_max(storage_class, stored_bytes) as storage_class
    from stg_storage
    where table_id is not null and storage_class not in ('*', 'STANDARD')
    group by table_id
),
bytes as (
    select
        t.table_id, p.billing_currency, p.usage_date,
        (
            (coalesce(t.metadata_bytes, 0) * greatest(0, 1 - cast(t.keep_snapshots as double) / t.snapshots) + t.unnamed_bytes
                + coalesce(r.held_bytes - r.dropped_bytes, 0)) * p.byte_price
            + coalesce(r.dropped_bytes, 0) * coalesce(k.byte_price, p.byte_price)
        ) * coalesce(g.share, 1) as amount
    from tables t
    join waste_byte_prices p on p.bucket = t.bucket and p.storage_class = 'STANDARD'
    left join removals r on r.table_id = t.table_id
    left join cold c on c.table_id = t.table_id
    left join waste_byte_prices k
        on k.bucket = t.bucket and k.storage_class = c.storage_class and k.usage_date = p.usage_date
        and k.billing_currency = p.billing_currency
    left join waste_growth g on g.table_id = t.table_id and g.usage_date = p.usage_date
),
loads as (
    -- Reading and parsing JSON: 50 MB a second of a core.
    select t.table_id, r.billing_currency, r.usage_date, r.workload,
        sum(r.scans * coalesce(r.core_ms_price, 0) * t.file_bytes / 50000.0) as amount, sum(r.scans) as scans
    from tables t
    join waste_reads r on r.table_id = t.table_id
    group by all
),
claimed as (
    select table_id, billing_currency, 'table' as pot_kind, table_id as pot, usage_date, amount, 0 as scans from bytes
    union all
    select table_id, billing_currency, 'workload', workload, usage_date, amount, scans from loads
),
scanned as (
    select table_id, billing_currency, sum(scans) as scans from claimed group by all
)
select
    'metadata-bloat' as detector, 'table' as subject_kind, t.table_id as subject, t.team, c.billing_currency,
    0.0 as fix_cost, 3 as rate_days, 'medium' as confidence,
    json_object(
        'snapshots', t.snapshots, 'metadata_bytes', t.metadata_bytes, 'metadata_file_bytes', t.file_bytes,
        'manifests', t.manifests, 'keep_snapshots', t.keep_snapshots, 'held_bytes', h.held_bytes, 'scans', n.scans
    ) as evidence,
    list_filter([
        'no property asks for so many snapshots', 'gc.enabled is not false', 'what a tag or branch may hold is not counted',
        'Flink writes it: the command keeps ' || t.stream_keep_days || ' days for checkpoints it may start from again, and so frees less at first'
    ], lambda g: g is not null) as guards,
    'CALL ' || spark_part(t.catalog) || '.system.expire_snapshots(table => ' || spark_text(spark_name(t.namespace) || '.' || spark_part(t.name)) || coalesce(', older_than => TIMESTAMP ''' || strftime((select last_day from waste_days) - t.stream_keep_days, '%Y-%m-%d') || ' 00:00:00''', '')
        || ', retain_last => ' || cast(t.keep_snapshots as varchar) || ');' || chr(10)
        || 'CALL ' || spark_part(t.catalog) || '.system.rewrite_manifests(' || spark_text(spark_name(t.namespace) || '.' || spark_part(t.name)) || ');' || chr(10)
        || 'ALTER TABLE ' || spark_name(t.table_id) || ' SET TBLPROPERTIES (''write.metadata.delete-after-commit.enabled'' = ''true'', ''write.metadata.previous-versions-max'' = ''20'');'
        || case when t.unnamed_bytes > 0 then chr(10) || '-- metadata files that nothing names any more:' || chr(10)
                || 'CALL ' || spark_part(t.catalog) || '.system.remove_orphan_files(table => ' || spark_text(spark_name(t.namespace) || '.' || spark_part(t.name)) || ', dry_run => true);' || chr(10) || '-- read the list, then without dry_run'
            else '' end as action,
    list(struct_pack(pot_kind := c.pot_kind, pot := c.pot, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := c.usage_date, amount := cast(round(c.amount, 12) as decimal(38, 12))) order by c.usage_date, c.pot_kind, c.pot) as claims
from tables t
join claimed c on c.table_id = t.table_id
left join removals h on h.table_id = t.table_id
join scanned n on n.table_id = c.table_id and n.billing_currency = c.billing_currency
group by all
