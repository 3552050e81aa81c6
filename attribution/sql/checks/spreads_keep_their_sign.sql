-- Any row is a part of a spread idle or shared cost with another sign than the whole it is of, on some basis.
with parts as (
    select
        'idle' as spread, source_nr, team,
        unnest([billed_cost, effective_cost, list_cost, contracted_cost]) as cost,
        unnest([1, 2, 3, 4]) as basis
    from idle_spread
    union all
    select
        spread, source_nr, team,
        unnest([billed_cost, effective_cost, list_cost, contracted_cost]),
        unnest([1, 2, 3, 4])
    from shared_spread
)
select spread, source_nr, min(cost) as least_part, max(cost) as largest_part
from parts
group by spread, source_nr, basis
having min(cost) < 0 and max(cost) > 0
