-- Any row is a table, day and currency whose states of bytes do not sum to what its storage cost.
with stored as (
    select
        a.table_id, a.usage_date, g.billing_currency,
        sum(a.billed_cost) as billed, sum(a.effective_cost) as effective,
        sum(a.list_cost) as list, sum(a.contracted_cost) as contracted
    from owned_atoms a
    join charge_groups g on g.group_nr = a.group_nr
    where a.part = 'table' and a.method in ('storage-bytes', 'storage-nearest')
    group by a.table_id, a.usage_date, g.billing_currency
),
states as (
    select
        table_id, usage_date, billing_currency,
        sum(billed_cost) as billed, sum(effective_cost) as effective,
        sum(list_cost) as list, sum(contracted_cost) as contracted
    from table_storage_states
    group by table_id, usage_date, billing_currency
)
select
    coalesce(s.table_id, t.table_id) as table_id,
    coalesce(s.usage_date, t.usage_date) as usage_date,
    coalesce(s.billing_currency, t.billing_currency) as billing_currency,
    s.effective as stored_effective,
    t.effective as states_effective
from stored s
full outer join states t
    on t.table_id = s.table_id and t.usage_date = s.usage_date and t.billing_currency = s.billing_currency
where s.billed is distinct from t.billed
    or s.effective is distinct from t.effective
    or s.list is distinct from t.list
    or s.contracted is distinct from t.contracted
