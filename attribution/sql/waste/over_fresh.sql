-- One row per table and currency that jobs overwrite several times a day, and at least four times
-- as often as anybody reads it: what the writes cost beyond as many as there are reads. Rows that are
-- appended cost as much in fewer batches. Not streams, nor where a property promises freshness,
-- nor what nobody reads at all (unused-table).
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['over-fresh.enabled'] as limit_enabled,
        number['over-fresh.min_writes_a_day'] as limit_min_writes_a_day,
        number['over-fresh.min_ratio'] as limit_min_ratio,
        words['tiny-commits.freshness_properties'] as limit_freshness_properties
    from waste_limits
),
writes as (
    select o.table_id, r.first_on as day, r.engine, r.run_id
    from stg_run_outputs o
    join waste_runs r on r.engine = o.engine and r.run_id = o.run_id
    where o.table_id is not null and r.status = 'succeeded' and r.engine <> 'flink'
),
rates as (
    select w.table_id, count(distinct w.run_id) / any_value(b.days) as writes_a_day
    from writes w
    cross join (select date_diff('day', first_day, last_day) + 1.0 as days from waste_days) b
    group by w.table_id
),
reads as (
    select r.table_id, sum(r.scans) / any_value(b.days) as scans_a_day
    from waste_reads r
    cross join (select date_diff('day', first_day, last_day) + 1.0 as days from waste_days) b
    group by r.table_id
),
overwritten as (
    select table_id
    from landed_table_snapshots
    where operation in ('append', 'overwrite')
    group by table_id
    having count(*) filter (where operation = 'overwrite') > 0.5 * count(*)
),
streams as (
    select distinct o.table_id
    from stg_run_outputs o
    join stg_runs r on r.engine = o.engine and r.run_id = o.run_id
    where r.engine = 'flink'
),
wasteful as (
    select t.table_id, t.team, w.writes_a_day, coalesce(r.scans_a_day, 0) as scans_a_day,
        1 - coalesce(r.scans_a_day, 0) / w.writes_a_day as ratio
    from rates w
    join waste_tables t on t.table_id = w.table_id
    join waste_subjects s on s.subject_kind = 'table' and s.subject = t.table_id
    join limits l on l.profile = s.profile
    left join reads r on r.table_id = w.table_id
    where l.limit_enabled > 0 and w.writes_a_day >= l.limit_min_writes_a_day
        and coalesce(r.scans_a_day, 0) > 0
        and w.writes_a_day >= l.limit_min_ratio * r.scans_a_day
        and t.table_id in (select table_id from overwritten)
        and t.table_id not in (select table_id from streams where table_id is not null)
        and not list_has_any(json_keys(t.props), l.limit_freshness_properties)
),
daily as (
    select w.table_id, c.billing_currency, c.usage_date, c.workload as pot, c.run_nr,
        cast(round(cast(sum(c.effective_cost) as double) * any_value(w.ratio), 12) as decimal(38, 12)) as amount
    from wasteful w
    join daily_costs c on c.table_id = w.table_id and c.category = 'usage'
    join waste_days b on c.usage_date between b.first_day and b.last_day
    group by all
)
select
    'over-fresh' as detector, 'table' as subject_kind, w.table_id as subject, w.team, c.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'low' as confidence,
    json_object('writes_a_day', round(w.writes_a_day, 2), 'reads_a_day', round(w.scans_a_day, 2)) as evidence,
    ['no stream writes it', 'no property promises freshness', 'somebody reads it'] as guards,
    '-- write it as often as it is read: about ' || cast(greatest(1, cast(ceil(w.scans_a_day) as integer)) as varchar)
        || ' times a day, or when its readers are due' as action,
    list(struct_pack(pot_kind := 'workload', pot := c.pot, run_nr := c.run_nr, table_id := case when c.run_nr is not null then c.table_id end, usage_date := c.usage_date, amount := c.amount) order by c.usage_date, c.pot, c.run_nr) as claims
from wasteful w
join daily c on c.table_id = w.table_id
group by all
