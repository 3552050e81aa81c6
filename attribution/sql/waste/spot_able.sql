-- One row per workload and currency that has clusters of its own, on demand, though it could
-- run on spot: it ends within hours, may be run again, and nothing waits for it.
-- Waste = cost of its on-demand workers x (1 - spot price x (1 + rerun rate) / their price),
-- the spot price as the bill has it for the same instance type, else for the family, else for
-- all, in parts of the list price.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['spot-able.rerun_rate'] as limit_rerun_rate,
        number['spot-able.max_hours'] as limit_max_hours,
        number['spot-able.min_runs'] as limit_min_runs,
        number['spot-able.enabled'] as limit_enabled,
        words['spot-able.critical_tags'] as limit_critical_tags
    from waste_limits
),
machines as (
    -- What a list dollar of a machine came to, on demand and on spot.
    select
        g.billing_currency, n.instance_type, n.market,
        cast(sum(g.effective_cost) as double) as cost,
        cast(sum(g.quantity) as double) as hours
    from charge_groups g
    join stg_nodes n on n.resource_id = g.resource_id
    join waste_days d on g.usage_date between d.first_day and d.last_day
    where g.is_node = 1 and g.quantity > 0 and n.role <> 'master'
    group by all
),
spot as (
    select billing_currency, instance_type, sum(cost) / sum(hours) as hour_price
    from machines
    where market = 'spot'
    group by all
),
any_spot as (
    -- Where a type was never had on spot: what spot costs of on demand, over types with both.
    select s.billing_currency, sum(s.cost) / sum(o.cost / o.hours * s.hours) as part
    from machines s
    join machines o on o.billing_currency = s.billing_currency and o.instance_type = s.instance_type and o.market <> 'spot'
    where s.market = 'spot'
    group by s.billing_currency
),
streams as (
    select distinct cluster_id from stg_runs where engine = 'flink' and cluster_id is not null
),
own as (
    -- Clusters that live for one workload's run.
    select r.cluster_id, max(r.workload) as workload
    from waste_runs r
    join waste_clusters k on k.cluster_id = r.cluster_id
    where k.is_transient and k.has_on_demand and not k.has_spot
        and r.cluster_id not in (select cluster_id from streams)
    group by r.cluster_id
    having count(distinct r.workload) = 1
),
used as (
    -- What of such a cluster's day its runs took.
    select
        c.cluster_id, c.usage_date, c.billing_currency,
        coalesce(cast(sum(c.effective_cost) filter (where c.category = 'usage') as double), 0)
            / nullif(cast(sum(c.effective_cost) as double), 0) as share
    from daily_costs c
    join own o on o.cluster_id = c.cluster_id
    join waste_days d on c.usage_date between d.first_day and d.last_day
    where c.category in ('usage', 'idle')
    group by all
),
run_shares as (
    -- Which part of that was each run's.
    select
        c.cluster_id, c.usage_date, c.billing_currency, c.run_nr,
        cast(sum(c.effective_cost) as double) / nullif(sum(cast(sum(c.effective_cost) as double)) over (
            partition by c.cluster_id, c.usage_date, c.billing_currency
        ), 0) as share
    from daily_costs c
    join own o on o.cluster_id = c.cluster_id
    join waste_days d on c.usage_date between d.first_day and d.last_day
    where c.category = 'usage' and c.run_nr is not null
    group by c.cluster_id, c.usage_date, c.billing_currency, c.run_nr
),
parts as (
    select
        o.workload, g.cluster_id, g.usage_date, g.billing_currency, n.instance_type,
        cast(sum(g.effective_cost) as double) * coalesce(any_value(u.share), 0) as cost,
        cast(sum(g.effective_cost) as double) / nullif(cast(sum(g.quantity) as double), 0) as hour_price
    from charge_groups g
    join own o on o.cluster_id = g.cluster_id
    join stg_nodes n on n.resource_id = g.resource_id
    join waste_days d on g.usage_date between d.first_day and d.last_day
    left join used u
        on u.cluster_id = g.cluster_id and u.usage_date = g.usage_date and u.billing_currency = g.billing_currency
    where g.is_node = 1 and g.quantity > 0 and n.role <> 'master' and n.market <> 'spot'
    group by o.workload, g.cluster_id, g.usage_date, g.billing_currency, n.instance_type
),
priced as (
    select
        p.workload, p.cluster_id, p.billing_currency, p.usage_date, p.cost,
        -- A commitment covers machines for less than on demand: spot must beat that.
        p.cost * (
            1 - (1 + l.limit_rerun_rate) * coalesce(s.hour_price, v.part * p.hour_price) / nullif(p.hour_price, 0)
        ) as saving
    from parts p
    join waste_subjects u on u.subject_kind = 'workload' and u.subject = p.workload
    join limits l on l.profile = u.profile
    left join spot s on s.billing_currency = p.billing_currency and s.instance_type = p.instance_type
    left join any_spot v on v.billing_currency = p.billing_currency
),
runs as (
    select
        r.workload, r.billing_currency, max(u.team) as team, count(*) as runs,
        quantile_cont(date_diff('second', r.started_at, coalesce(r.ended_at, r.started_at)) / 3600.0, 0.95) as p95_hours,
        max(l.limit_max_hours) as max_hours, max(l.limit_min_runs) as min_runs
    from waste_runs r
    join own o on o.cluster_id = r.cluster_id
    join waste_subjects u on u.subject_kind = 'workload' and u.subject = r.workload
    join limits l on l.profile = u.profile
    where l.limit_enabled > 0 and r.engine <> 'flink'
        and not list_has_any(u.tags, l.limit_critical_tags)
    group by r.workload, r.billing_currency
),
newest as (
    select o.workload, arg_max(k.cluster_id, (k.started_at, k.cluster_id)) as cluster_id
    from own o
    join waste_clusters k on k.cluster_id = o.cluster_id
    group by o.workload
),
fleets as (
    -- The machines of its newest cluster, as EMR is to be asked for them: the master as it is, workers on spot.
    select
        g.workload,
        '[' || string_agg(
            '{"InstanceFleetType":' || json_text(upper(g.role)) || ',' || case when g.role = 'master' then '"TargetOnDemandCapacity":' else '"TargetSpotCapacity":' end
                || g.machines || ',"InstanceTypeConfigs":[' || g.types || ']'
                || case when g.role = 'master' then '' else ',"LaunchSpecifications":{"SpotSpecification":{"TimeoutDurationMinutes":10,'
                    || '"TimeoutAction":"SWITCH_TO_ON_DEMAND","AllocationStrategy":"price-capacity-optimized"}}' end || '}',
            ',' order by case g.role when 'master' then 1 when 'core' then 2 else 3 end
        ) || ']' as fleets
    from (
        select w.workload, n.role, count(distinct n.node_id) as machines,
            string_agg(distinct '{"InstanceType":' || json_text(n.instance_type) || '}', ',' order by '{"InstanceType":' || json_text(n.instance_type) || '}') as types
        from newest w
        join stg_nodes n on n.cluster_id = w.cluster_id
        where n.instance_type is not null
        group by w.workload, n.role
    ) g
    group by g.workload
),
daily as (
    select
        p.workload, p.billing_currency, p.usage_date, h.run_nr,
        sum(cast(round(greatest(p.saving, 0) * h.share, 12) as decimal(38, 12))) as amount,
        sum(p.cost * h.share) as cost, sum(p.saving * h.share) as saving
    from priced p
    join run_shares h
        on h.cluster_id = p.cluster_id and h.usage_date = p.usage_date and h.billing_currency = p.billing_currency
    group by all
)
select
    'spot-able' as detector, 'workload' as subject_kind, r.workload as subject, r.team, r.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'medium' as confidence,
    json_object(
        'runs', r.runs, 'p95_run_hours', round(r.p95_hours, 2), 'on_demand_cost', round(sum(c.cost), 2),
        'saving_share', round(sum(c.saving) / nullif(sum(c.cost), 0), 4)
    ) as evidence,
    ['its clusters are made for it alone', 'no tag says that it is critical', 'it is no stream', 'the master stays on demand'] as guards,
    '# in its aws emr create-cluster, in place of its instance groups; more types of one size are taken back less often:' || chr(10)
        || '--instance-fleets ' || shell_word(coalesce(any_value(f.fleets), '[]')) as action,
    list(struct_pack(pot_kind := 'workload', pot := r.workload, run_nr := c.run_nr, table_id := cast(null as varchar), usage_date := c.usage_date, amount := c.amount) order by c.usage_date, c.run_nr) as claims
from runs r
join daily c on c.workload = r.workload and c.billing_currency = r.billing_currency
left join fleets f on f.workload = r.workload
where r.runs >= r.min_runs and r.p95_hours < r.max_hours
group by r.workload, r.team, r.billing_currency, r.runs, r.p95_hours
having sum(c.saving) > 0
