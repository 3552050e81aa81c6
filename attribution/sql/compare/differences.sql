-- One row per group of the comparison, currency and reason: what of the difference it accounts for.
-- Key: key, billing_currency, reason
select key, billing_currency, reason, cast(sum(cost) as varchar) as cost
from steps
where is_asked
group by key, billing_currency, reason
having sum(cost) <> 0
order by key, billing_currency, reason
