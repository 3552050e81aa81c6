-- Any row is a day, service, currency and basis on which charged is not the sum of the six categories.
select usage_date, service_name, billing_currency, basis, charged, difference
from daily_balance
where charged <> direct + usage + storage + shared + idle + unallocated or difference <> 0
