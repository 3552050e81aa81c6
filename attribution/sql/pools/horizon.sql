-- One row per ledger: the moment up to which anything is known, the last hour a run held or a
-- bill meters. A month's fee reaches to the month's end, which may not have come: only where
-- nothing else is known is it what counts.
-- Key: last_at?
select coalesce(max(m.last_at), max(b.last_at)) as last_at
from (select max(bucket_start) + interval 1 hour as last_at from buckets where bucket_hours = 1) b
cross join (
    select max(last_at) as last_at
    from (
        select max(charge_period_end) as last_at
        from stg_charges
        where charge_category = 'Usage' and charge_period_end <= charge_period_start + interval 1 day
        union all
        select max(hour) + interval 1 hour from stg_run_hours
    ) metered
) m
