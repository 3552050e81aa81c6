-- One row per engine and source of runs: until when its logs tell of anything. Engines of one source are logs of
-- their own: one of them may stop alone. Of a run that goes on, its hours tell.
-- Key: engine, source
select engine, source, max(told_at) as told_until
from (
    select engine, source, max(coalesce(ended_at, started_at)) as told_at from landed_runs group by engine, source
    union all
    select engine, source, max(hour) from landed_run_hours group by engine, source
) moments
group by engine, source
