-- One row per source, file, selection of charges, span of days and consumer: its share, or
-- what it used a day. Patterns are those of `like` in lower case, as in pool rules.
-- Key: source, source_object, selection, consumer_kind, starts_on, ends_on?, consumer, team?
with written as (
    select
        u.*,
        concat_ws(
            ', ',
            'pool ' || u.pool,
            'cluster ' || u.cluster_id,
            'resource ' || u.resource_id,
            'service ' || u.service,
            'tag ' || u.tag_key || '=' || u.tag_value
        ) as selection
    from landed_usage_shares u
),
patterns as (
    -- chr(92) is the backslash, which engines read differently in a text.
    select
        w.*,
        replace(replace(replace(replace(replace(lower(w.cluster_id),
            chr(92), chr(92) || chr(92)), '%', chr(92) || '%'), '_', chr(92) || '_'), '*', '%'), '?', '_') as cluster_pattern,
        replace(replace(replace(replace(replace(lower(w.resource_id),
            chr(92), chr(92) || chr(92)), '%', chr(92) || '%'), '_', chr(92) || '_'), '*', '%'), '?', '_') as resource_pattern,
        replace(replace(replace(replace(replace(lower(w.service),
            chr(92), chr(92) || chr(92)), '%', chr(92) || '%'), '_', chr(92) || '_'), '*', '%'), '?', '_') as service_pattern,
        replace(replace(replace(replace(replace(lower(w.tag_value),
            chr(92), chr(92) || chr(92)), '%', chr(92) || '%'), '_', chr(92) || '_'), '*', '%'), '?', '_') as tag_pattern
    from written w
)
select
    md5(concat_ws(chr(31), p.source, p.source_object, p.selection, p.dimension)) as selection_id,
    p.source,
    p.source_object,
    p.selection,
    lower(p.pool) as pool,
    p.cluster_pattern,
    p.resource_pattern,
    p.service_pattern,
    p.tag_key,
    p.tag_pattern,
    cast(p.starts_on as date) as starts_on,
    cast(p.ends_on as date) as ends_on,
    p.dimension as consumer_kind,
    p.consumer,
    p.team,
    max(p.unit) as unit,
    count(*) as lines_read,
    sum(p.share) as share,
    -- Nine digits: a day's bytes of a petabyte have room beside them.
    sum(cast(p.quantity as decimal(38, 9))) as quantity
from patterns p
group by
    p.source, p.source_object, p.selection, p.dimension, p.pool, p.cluster_pattern, p.resource_pattern,
    p.service_pattern, p.tag_key, p.tag_pattern, cast(p.starts_on as date), cast(p.ends_on as date),
    p.consumer, p.team
