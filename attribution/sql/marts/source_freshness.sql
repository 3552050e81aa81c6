-- One row per source that landed anything: the newest moment its data tells of.
-- Key: source
select source, max(newest_at) as newest_at
from (
    -- What is bought ahead ends in years, and a month's fee with the month: only what is metered by
    -- the hour or the day says how far a bill has come, where there is any.
    select
        source,
        coalesce(
            max(case when charge_category = 'Usage' and charge_period_end <= charge_period_start + interval 1 day then charge_period_end end),
            max(case when charge_category = 'Usage' then charge_period_end end)
        ) as newest_at
    from landed_charges
    group by source
    union all
    select source, max(coalesce(ended_at, started_at)) from landed_nodes group by source
    union all
    select source, max(coalesce(ended_at, started_at)) from landed_runs group by source
    union all
    select source, max(collected_at) from landed_tables group by source
    union all
    select source, max(collected_at) from landed_storage group by source
    union all
    select source, max(collected_at) from landed_uploads group by source
    union all
    select source, max(last_read_at) from landed_table_access group by source
    union all
    select source, max(recorded_at) from landed_owners group by source
) newest
where newest_at is not null
group by source
