-- One row per table, UTC day, currency and state of its bytes (live, expirable, orphaned,
-- noncurrent, or unknown where its metadata was never read): the bytes as of the collection that
-- held on the day or is nearest to it, and their part of what the table's storage cost on each basis. The parts of a
-- day sum to that exactly.
-- Key: table_id, usage_date, billing_currency, state
with costs as materialized (
    select
        a.table_id, a.usage_date, g.billing_currency,
        sum(a.billed_cost) as billed_cost, sum(a.effective_cost) as effective_cost,
        sum(a.list_cost) as list_cost, sum(a.contracted_cost) as contracted_cost
    from owned_atoms a
    join charge_groups g on g.group_nr = a.group_nr
    where a.part = 'table' and a.method in ('storage-bytes', 'storage-nearest')
    group by a.table_id, a.usage_date, g.billing_currency
),
day_bounds as (
    select min(usage_date) as first_on, max(usage_date) as last_on from costs
),
-- A collection holds until the next one of its table, or until it was last confirmed; while it
-- does, the inventory nearest to the day tells the rest, as it does which bytes are paid for.
followed as (
    select
        b.*,
        lead(b.known_on) over (partition by b.table_id order by b.known_on) as next_on,
        lead(b.collected_on) over (partition by b.table_id order by b.known_on) as next_collected_on
    from table_bytes b
),
known as (
    select
        f.*,
        case when f.next_collected_on = f.collected_on then f.known_on
            else least(f.held_on, coalesce(f.next_on - 1, f.held_on)) end as until_on
    from followed f
),
preceded as (
    select
        k.*, d.first_on, d.last_on,
        lag(k.until_on) over (partition by k.table_id order by k.known_on) as before_on
    from known k
    cross join day_bounds d
),
-- The days it stands for: those, and days between of which it is nearest; of two as near the
-- earlier. A table that is gone has no costs after it was last seen.
reaches as (
    select
        *,
        case when before_on is null then first_on
            else greatest(first_on, before_on + (date_diff('day', before_on, known_on) // 2 + 1)::int) end as from_on,
        case when next_on is null then last_on
            else least(last_on, until_on + (date_diff('day', until_on, next_on) // 2)::int) end as to_on
    from preceded
),
near as materialized (
    select
        table_id, cast(unnest(generate_series(cast(from_on as timestamp), cast(to_on as timestamp), interval 1 day)) as date) as usage_date,
        collected_on, live_bytes, expirable_bytes,
        coalesce(orphaned_bytes, 0) as orphaned_bytes, coalesce(noncurrent_bytes, 0) as noncurrent_bytes
    from reaches
    where from_on <= to_on
),
states as (
    select table_id, usage_date, collected_on, 'live' as state, live_bytes as bytes from near
    union all
    select table_id, usage_date, collected_on, 'expirable', expirable_bytes from near
    union all
    select table_id, usage_date, collected_on, 'orphaned', orphaned_bytes from near
    union all
    select table_id, usage_date, collected_on, 'noncurrent', noncurrent_bytes from near
),
weighted as (
    select
        c.*, s.collected_on, coalesce(s.state, 'unknown') as state, coalesce(s.bytes, 0) as bytes,
        row_number() over (
            partition by c.table_id, c.usage_date, c.billing_currency order by s.bytes desc, s.state desc
        ) as nth_largest,
        coalesce(
            cast(s.bytes as double)
                / nullif(cast(sum(s.bytes) over (partition by c.table_id, c.usage_date, c.billing_currency) as double), 0),
            0
        ) as share
    from costs c
    left join states s
        on s.table_id = c.table_id and s.usage_date = c.usage_date and (s.bytes > 0 or s.state = 'live')
),
cut as (
    -- As atoms are cut: towards zero at 12 digits, the rest to the largest.
    select
        w.*,
        cast(sign(cast(w.billed_cost as double)) * floor(abs(cast(w.billed_cost as double)) * w.share * 1.000000000000001e12) / 1e12 as decimal(38, 12)) as billed_part,
        cast(sign(cast(w.effective_cost as double)) * floor(abs(cast(w.effective_cost as double)) * w.share * 1.000000000000001e12) / 1e12 as decimal(38, 12)) as effective_part,
        cast(sign(cast(w.list_cost as double)) * floor(abs(cast(w.list_cost as double)) * w.share * 1.000000000000001e12) / 1e12 as decimal(38, 12)) as list_part,
        cast(sign(cast(w.contracted_cost as double)) * floor(abs(cast(w.contracted_cost as double)) * w.share * 1.000000000000001e12) / 1e12 as decimal(38, 12)) as contracted_part
    from weighted w
),
rests as (
    select
        c.*,
        c.billed_cost - sum(c.billed_part) over (partition by c.table_id, c.usage_date, c.billing_currency) as billed_rest,
        c.effective_cost - sum(c.effective_part) over (partition by c.table_id, c.usage_date, c.billing_currency) as effective_rest,
        c.list_cost - sum(c.list_part) over (partition by c.table_id, c.usage_date, c.billing_currency) as list_rest,
        c.contracted_cost - sum(c.contracted_part) over (partition by c.table_id, c.usage_date, c.billing_currency)
            as contracted_rest
    from cut c
)
select
    table_id,
    usage_date,
    billing_currency,
    state,
    collected_on,
    bytes,
    cast(billed_part + case when nth_largest = 1 then billed_rest else 0 end as decimal(38, 18)) as billed_cost,
    cast(effective_part + case when nth_largest = 1 then effective_rest else 0 end as decimal(38, 18)) as effective_cost,
    cast(list_part + case when nth_largest = 1 then list_rest else 0 end as decimal(38, 18)) as list_cost,
    cast(contracted_part + case when nth_largest = 1 then contracted_rest else 0 end as decimal(38, 18)) as contracted_cost
from rests
