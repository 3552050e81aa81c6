-- Any row is a pot (a workload's runs, a cluster's idle part, a table's objects...) and day from which findings claim more than it cost.
select pot_kind, pot, usage_date, billing_currency, max(pot_cost) as pot_cost, sum(claimed) as claimed
from waste_claims
group by pot_kind, pot, usage_date, billing_currency
having sum(claimed) > max(pot_cost) or min(claimed) < 0
