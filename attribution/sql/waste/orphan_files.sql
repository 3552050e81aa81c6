-- One row per table and currency in whose location objects lie that no snapshot reaches, by the
-- inventory nearest to the newest collection: more than a twentieth of what lies there, which
-- the attempts of a running week do not leave. Metadata files that nothing names are those of metadata_bloat,
-- where that finds the table.
-- How many there were on a day: waste_growth.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['orphan-files.enabled'] as limit_enabled,
        number['orphan-files.min_share'] as limit_min_share,
        number['orphan-files.min_days'] as limit_min_days
    from waste_limits
),
tables as (
    select
        t.table_id, t.team, t.catalog, t.namespace, t.name, t.location, t.bucket, t.orphaned_bytes, t.stored_bytes,
        t.listed_on, l.limit_min_days,
        t.collected_at
    from (
        select
            t.* replace (
                t.orphaned_bytes - case when t.table_id in (select subject from metadata_bloat)
                    then coalesce(t.unnamed_metadata_bytes, 0) else 0 end as orphaned_bytes
            )
        from waste_tables t
    ) t
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    where l.limit_enabled > 0 and t.orphaned_bytes > 0
        and t.orphaned_bytes > l.limit_min_share * (t.orphaned_bytes + t.stored_bytes)
        and lower(coalesce(json_extract_string(t.props, '$."gc.enabled"'), 'true')) <> 'false'
),
daily as (
    select
        t.table_id, p.billing_currency, p.usage_date, t.orphaned_bytes * coalesce(g.share, f.share, 1) as bytes, p.byte_price
    from tables t
    join waste_byte_prices p on p.bucket = t.bucket and p.storage_class = 'STANDARD'
    -- Those of the last week may belong to a commit under way: what was there a week before counts.
    left join waste_growth g
        on g.table_id = t.table_id and g.usage_date = p.usage_date - cast(t.limit_min_days as integer)
    left join (select table_id, arg_min(share, usage_date) as share from waste_growth group by table_id) f on f.table_id = t.table_id
)
select
    'orphan-files' as detector, 'table' as subject_kind, t.table_id as subject, t.team, d.billing_currency,
    0.0 as fix_cost, 3 as rate_days, 'medium' as confidence,
    json_object(
        'orphaned_bytes', t.orphaned_bytes, 'reached_bytes', t.stored_bytes, 'listed_on', t.listed_on
    ) as evidence,
    ['the inventory lists more than snapshots, metadata and statistics reach', 'younger ones than ' || cast(t.limit_min_days as integer) || ' days do not count: a commit may be under way', 'gc.enabled is not false'] as guards,
    'CALL ' || spark_part(t.catalog) || '.system.remove_orphan_files(table => ' || spark_text(spark_name(t.namespace) || '.' || spark_part(t.name))
        || ', older_than => TIMESTAMP ''' || strftime((select last_day from waste_days) - cast(t.limit_min_days as integer), '%Y-%m-%d')
        || ' 00:00:00'', dry_run => true);' || chr(10) || '-- read the list, then without dry_run' as action,
    list(struct_pack(pot_kind := 'table', pot := t.table_id, run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := d.usage_date, amount := cast(round(d.bytes * d.byte_price, 12) as decimal(38, 12))) order by d.usage_date) as claims
from tables t
join daily d on d.table_id = t.table_id
group by all
