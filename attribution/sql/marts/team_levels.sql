-- One row per configured team and level of the organisation down to its own: the team at
-- that level it belongs to. Level 1 is a team without a parent; a team at its own level is itself.
-- Key: team, level
with recursive chain as (
    select team, team as ancestor, parent, 0 as up
    from teams
    union all
    select c.team, t.team, t.parent, c.up + 1
    from chain c
    join teams t on t.team = c.parent
    -- The configuration refuses circles; one here must not turn for ever.
    where c.up < 64
),
depths as (
    select team, max(up) + 1 as depth
    from chain
    group by team
)
select c.team, d.depth - c.up as level, c.ancestor
from chain c
join depths d on d.team = c.team
