-- One row per UTC day, currency and combination of every dimension costs are grouped by:
-- the roll-up of the atoms that every page, report and export sums from.
-- `owner_history_id` is there where another team was ever recorded as the owner.
-- Key: usage_date, billing_currency, service_name?, account_id?, region_id?, pool, category, method, team?, workload?, engine?, run_id?, table_id?, consumer_kind?, consumer?, cluster_id?, tag_set_id?, owner_history_id?
with kinds as (
    -- Groups that no dimension of a day's costs tells apart count as the first of them: sums
    -- are taken by numbers, and names put to them last.
    select
        group_nr, account_id, resource_id, tag_set_id, cluster_id,
        min(group_nr) over (
            partition by
                usage_date, billing_currency, service_name, account_id, region_id, pool, cluster_id, tag_set_id
        ) as kind_nr
    from charge_groups
),
histories as (
    select
        a.group_nr, a.run_nr, a.table_id, a.consumer_kind, a.consumer, a.part, a.method, h.owner_history_id
    from changed_owners h
    join owned_atoms a on a.usage_date = h.usage_date
    join kinds k on k.group_nr = a.group_nr
    left join stg_runs r on r.run_nr = a.run_nr
    where a.category <> 'shared'
        and h.subject = subject_kind(a.part)
        and h.engine = subject_engine(a.part, r.engine, a.consumer_kind)
        and h.run_id = subject_run(a.part, r.run_id, a.consumer)
        and h.table_id = subject_table(a.part, a.table_id)
        and h.cluster_id = subject_cluster(a.part, a.method, k.cluster_id)
        and h.tag_set_id = subject_fact(a.part, k.tag_set_id)
        and h.resource_id = subject_fact(a.part, k.resource_id)
        and h.account_id = subject_fact(a.part, k.account_id)
),
sums as (
    select
        k.kind_nr, a.run_nr, a.table_id, a.consumer_kind, a.consumer, a.category, a.method, a.team,
        h.owner_history_id,
        sum(a.billed_cost) as billed_cost,
        sum(a.effective_cost) as effective_cost,
        sum(a.list_cost) as list_cost,
        sum(a.contracted_cost) as contracted_cost
    from owned_atoms a
    join kinds k on k.group_nr = a.group_nr
    left join histories h
        on h.group_nr = a.group_nr and h.part = a.part and h.method = a.method
        and h.run_nr is not distinct from a.run_nr and h.table_id is not distinct from a.table_id
        and h.consumer_kind is not distinct from a.consumer_kind and h.consumer is not distinct from a.consumer
    group by
        k.kind_nr, a.run_nr, a.table_id, a.consumer_kind, a.consumer, a.category, a.method, a.team,
        h.owner_history_id
)
select
    g.usage_date,
    g.billing_currency,
    g.service_name,
    g.account_id,
    g.region_id,
    g.pool,
    s.category,
    s.method,
    s.team,
    case when s.consumer_kind = 'workload' then s.consumer else r.workload end as workload,
    r.engine,
    r.run_id,
    s.table_id,
    s.consumer_kind,
    s.consumer,
    g.cluster_id,
    g.tag_set_id,
    s.owner_history_id,
    s.billed_cost,
    s.effective_cost,
    s.list_cost,
    s.contracted_cost,
    s.run_nr
from sums s
join charge_groups g on g.group_nr = s.kind_nr
left join stg_runs r on r.run_nr = s.run_nr
