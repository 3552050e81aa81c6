-- One row per part of a changed group and step from the earlier figures to the later ones: what the step adds or takes away. All steps together are the difference, whatever is cut off between.
select 'bill' as reason, s.charge_group_id, s.engine, s.run_id, s.method, s.usage_date, s.key, s.is_asked, s.billing_currency, -s.cost as cost
from earlier_atoms s
union all
select 'bill', s.charge_group_id, s.engine, s.run_id, s.method, s.usage_date, s.key, s.is_asked, s.billing_currency, s.cost
from billed_anew s
union all
select r.reason, s.charge_group_id, s.engine, s.run_id, s.method, s.usage_date, s.key, s.is_asked, s.billing_currency, -s.cost
from billed_anew s
join group_reasons r on r.charge_group_id = s.charge_group_id
union all
select r.reason, s.charge_group_id, s.engine, s.run_id, s.method, s.usage_date, s.key, s.is_asked, s.billing_currency, s.cost
from later_owned s
join group_reasons r on r.charge_group_id = s.charge_group_id
union all
select 'ownership', s.charge_group_id, s.engine, s.run_id, s.method, s.usage_date, s.key, s.is_asked, s.billing_currency, -s.cost
from later_owned s
union all
select 'ownership', s.charge_group_id, s.engine, s.run_id, s.method, s.usage_date, s.key, s.is_asked, s.billing_currency, s.cost
from later_atoms s
