-- One row per day and class of bill lines that stands in other charge groups of the later mart than of the earlier: what it costs in each, and whether its pool is another.
-- Key: line_class, usage_date
with earlier as (
    select
        line_class, usage_date, sum(cost) as cost,
        array_to_string(list_sort(list(distinct pool)), chr(30)) as pools
    from earlier_lines
    group by line_class, usage_date
),
later as (
    select
        line_class, usage_date, sum(cost) as cost,
        array_to_string(list_sort(list(distinct pool)), chr(30)) as pools
    from later_lines
    group by line_class, usage_date
)
select
    l.line_class, l.usage_date,
    e.cost as earlier_cost,
    l.cost as later_cost,
    e.pools as earlier_pools,
    l.pools as later_pools
from earlier e
join later l on l.line_class = e.line_class and l.usage_date = e.usage_date
