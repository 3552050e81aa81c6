-- One row per combination of team and overridden tag: every threshold as it holds there, the
-- tag's override before the team's before the default.
-- Key: profile
with profiles as (
    select distinct profile, team, tag_scope from waste_subjects
    union
    select chr(31), cast(null as varchar), cast(null as varchar)
),
ranked as (
    select
        p.profile, r.setting, r.value,
        row_number() over (
            partition by p.profile, r.setting
            order by case when r.scope like 'tag:%' then 1 when r.scope like 'team:%' then 2 else 3 end
        ) as nth
    from profiles p
    join rule_waste r on r.scope = '' or r.scope = 'team:' || p.team or r.scope = p.tag_scope
)
select
    profile,
    map(list(setting order by setting), list(coalesce(try_cast(value as double), 0) order by setting)) as number,
    map(list(setting order by setting), list(string_split(value, '|') order by setting)) as words
from ranked
where nth = 1
group by profile
