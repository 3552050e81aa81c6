-- One row per UTC day touched by a bill line that came, went or changed. Lines are compared as
-- digests by the days they touch, so that a file landed anew costs only the days that differ.
with counted as (
    select starts_on, first_on, last_on, lines, digest from landed_spans
    union all
    select starts_on, first_on, last_on, -lines, -digest from before.main.landed_spans
),
differing as (
    select starts_on, first_on, last_on
    from counted
    group by starts_on, first_on, last_on
    having sum(lines) <> 0 or sum(digest) <> 0
)
select starts_on as day from differing
union
select first_on from differing
union
select cast(unnest(generate_series(cast(first_on as timestamp), cast(last_on as timestamp), interval 1 day)) as date)
from differing
