-- One row per ownership rule, `position` in the order they are tried within a kind: those of
-- the configuration, then those of files by source, file and line.
-- Key: position, rule_id
with configured as (
    select coalesce(max(position), 0) as last_position from rule_owners
),
filed as (
    select
        c.last_position + row_number() over (order by o.source, o.source_object, o.source_line) as position,
        source || '/' || regexp_replace(source_object, '^.*/', '') || ':' || cast(source_line as string) || ': '
            || kind || ' ' || case when kind = 'tag' then tag_key || '=' else '' end || pattern as rule_id,
        team,
        kind,
        tag_key,
        pattern,
        coalesce(cast(valid_from as date), cast('0001-01-01' as date)) as valid_from,
        coalesce(cast(valid_to as date), cast('9999-12-31' as date)) as valid_to
    from landed_owners o
    cross join configured c
),
rules as (
    select position, rule_id, team, kind, tag_key, pattern, regex, valid_from, valid_to, 'configuration' as origin
    from rule_owners
    union all
    select
        position, rule_id, team, kind, tag_key, pattern, cast(null as string), valid_from, valid_to, 'file'
    from filed
)
select
    position,
    rule_id,
    team,
    kind,
    tag_key,
    -- A glob as `like ... escape '!'` reads it; null where the rule is a regular expression.
    replace(replace(replace(replace(replace(pattern, '!', '!!'), '%', '!%'), '_', '!_'), '*', '%'), '?', '_')
        as like_pattern,
    regex,
    valid_from,
    valid_to,
    origin
from rules
