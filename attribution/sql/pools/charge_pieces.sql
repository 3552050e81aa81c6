-- One row per billed line and time bucket (an hour for cluster charges, a day for all
-- else) with the part of each cost that falls into it; the parts sum to the line exactly.
-- Purchases stay on their first day on the billed, list and contracted bases; on the
-- effective basis they are spread over their period, clipped to the billing period.
-- Key: line_id, bucket_start
with clipped as (
    -- Taxes, fees and purchases may claim a period far longer than the month that bills them.
    select
        l.line_id, l.charge_category, l.cluster_id, l.resource_id, l.is_node, l.bucket_hours, l.quantity,
        l.billed_cost, l.effective_cost, l.list_cost, l.contracted_cost,
        case
            when l.charge_category <> 'Usage'
                and l.charge_period_start < l.billing_period_start
                and l.charge_period_end > l.billing_period_start
                then l.billing_period_start
            else l.charge_period_start
        end as span_start,
        case
            when l.charge_category = 'Usage' then l.charge_period_end
            when l.charge_period_start < l.billing_period_end
                then least(l.charge_period_end, l.billing_period_end)
            else least(l.charge_period_end, l.charge_period_start + interval 1 day)
        end as span_end
    from charge_lines l
),
spans as (
    select
        c.*,
        case
            when c.bucket_hours = 1 then date_trunc('hour', c.span_start)
            else date_trunc('day', c.span_start)
        end as first_bucket
    from clipped c
),
counted as (
    select
        s.*,
        cast(ceil(
            cast(unix_millis(s.span_end) - unix_millis(s.first_bucket) as double) / (s.bucket_hours * 3600000)
        ) as bigint) as buckets
    from spans s
),
numbers as (
    select row_number() over (order by bucket_start) - 1 as nth
    from buckets
    where bucket_hours = 1
),
steps as (
    -- Lines of one length share their steps: the join below has an equality, never a range.
    select d.buckets, n.nth
    from (select distinct buckets from counted where buckets > 1) d
    join numbers n on n.nth < d.buckets
),
cut as (
    select
        c.line_id,
        c.charge_category,
        c.cluster_id,
        c.resource_id,
        c.is_node,
        c.billed_cost,
        c.effective_cost,
        c.list_cost,
        c.contracted_cost,
        c.quantity,
        c.bucket_hours,
        c.span_start,
        c.span_end,
        c.first_bucket + (t.nth * c.bucket_hours) * interval 1 hour as bucket_start
    from counted c
    join steps t on t.buckets = c.buckets
),
lives as (
    select cluster_id, resource_id, hour, sum(alive_ms) as alive_ms
    from node_lives
    where resource_id is not null
    group by cluster_id, resource_id, hour
    union all
    -- Disks and fees that name no node were there as long as their cluster's nodes.
    select cluster_id, '', hour, sum(alive_ms)
    from node_lives
    group by cluster_id, hour
),
with_lives as (
    -- A daily line of a node is cut by the node's own life, one of its cluster by the lives of
    -- all its nodes, where they are known.
    select
        c.*,
        unix_millis(least(c.span_end, c.bucket_start + c.bucket_hours * interval 1 hour))
            - unix_millis(greatest(c.span_start, c.bucket_start)) as span_ms,
        coalesce(h.alive_ms, 0) as alive_ms,
        sum(coalesce(h.alive_ms, 0)) over (partition by c.line_id) as all_alive_ms
    from cut c
    left join lives h
        on c.bucket_hours = 1
        and h.cluster_id = c.cluster_id
        and h.resource_id = case when c.is_node = 1 then c.resource_id else '' end
        and h.hour = c.bucket_start
),
weighted as (
    select
        w.*,
        case when w.all_alive_ms > 0 then w.alive_ms else w.span_ms end as weight,
        row_number() over (partition by w.line_id order by w.bucket_start) as nth_bucket
    from with_lives w
    where w.all_alive_ms = 0 or w.alive_ms > 0
),
line_shares as (
    -- Counted in units of the last digit that parts are cut off at (see atom_costs).
    select
        w.*,
        cut_units(w.billed_cost) as billed_units,
        cut_unit(w.billed_cost) as billed_unit,
        cut_units(w.effective_cost) as effective_units,
        cut_unit(w.effective_cost) as effective_unit,
        cut_units(w.list_cost) as list_units,
        cut_unit(w.list_cost) as list_unit,
        cut_units(w.contracted_cost) as contracted_units,
        cut_unit(w.contracted_cost) as contracted_unit,
        cut_units(w.quantity) as quantity_units,
        cut_unit(w.quantity) as quantity_unit,
        cast(w.weight as double)
            / cast(sum(w.weight) over (partition by w.line_id) as double) as share,
        row_number() over (
            partition by w.line_id order by w.weight desc, w.bucket_start
        ) as nth_largest
    from weighted w
),
paid_shares as (
    -- Of a purchase all but the effective cost is its first day's.
    select
        s.*,
        case when s.charge_category <> 'Purchase' then s.share when s.nth_bucket = 1 then 1 else 0 end as paid_share,
        case when s.charge_category <> 'Purchase' then s.nth_largest else s.nth_bucket end as nth_paid
    from line_shares s
),
parts as (
    -- Cut off towards zero: no part can have another sign than its whole.
    select
        s.*,
        cut_part(s.billed_units, s.billed_unit, s.paid_share) as billed_part,
        cut_part(s.effective_units, s.effective_unit, s.share) as effective_part,
        cut_part(s.list_units, s.list_unit, s.paid_share) as list_part,
        cut_part(s.contracted_units, s.contracted_unit, s.paid_share) as contracted_part,
        cut_part(s.quantity_units, s.quantity_unit, s.share) as quantity_part
    from paid_shares s
),
rests as (
    select
        p.*,
        p.billed_cost - sum(p.billed_part) over (partition by p.line_id) as billed_rest,
        p.effective_cost - sum(p.effective_part) over (partition by p.line_id)
            as effective_rest,
        p.list_cost - sum(p.list_part) over (partition by p.line_id) as list_rest,
        p.contracted_cost - sum(p.contracted_part) over (partition by p.line_id)
            as contracted_rest,
        p.quantity - sum(p.quantity_part) over (partition by p.line_id) as quantity_rest
    from parts p
)
-- Most lines lie inside one bucket: nothing to cut.
select
    w.line_id,
    w.first_bucket as bucket_start,
    w.billed_cost,
    w.effective_cost,
    w.list_cost,
    w.contracted_cost,
    w.quantity
from counted w
where w.buckets <= 1
union all
-- What rounding left goes to the largest part, of a purchase to its first day.
select
    r.line_id,
    r.bucket_start,
    cast(r.billed_part + case when r.nth_paid = 1 then r.billed_rest else 0 end as decimal(38, 18)),
    cast(r.effective_part + case when r.nth_largest = 1 then r.effective_rest else 0 end as decimal(38, 18)),
    cast(r.list_part + case when r.nth_paid = 1 then r.list_rest else 0 end as decimal(38, 18)),
    cast(r.contracted_part + case when r.nth_paid = 1 then r.contracted_rest else 0 end as decimal(38, 18)),
    cast(r.quantity_part + case when r.nth_largest = 1 then r.quantity_rest else 0 end as decimal(38, 18))
from rests r
