-- One row per currency: what a GB-hour of memory cost the runs of Spark, by which rewriting is priced.
-- Key: billing_currency
select
    billing_currency,
    cast(sum(effective_cost) as double) / nullif(sum(memory_mib_ms) / 1024.0 / 3600000.0, 0) as gb_hour_price
from waste_runs
where engine = 'spark'
group by billing_currency
