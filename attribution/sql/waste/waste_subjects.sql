-- One row per kind of subject and subject that waste may be found at (cluster, workload,
-- table, bucket): its team now, and which of the configuration's overrides hold for it.
-- Key: subject_kind, subject
with tag_scopes as (
    select distinct scope, substr(scope, 5) as tag from rule_waste where scope like 'tag:%'
),
clusters as (
    select cluster as subject, arg_max(team, (started_at, team)) as team, arg_max(tags, (started_at, tags)) as tags
    from waste_clusters
    group by cluster
),
workload_sets as (
    -- Of the newest run; of two as new, one and the same each time.
    select workload, arg_max(team, (last_on, engine, run_id)) as team,
        arg_max(tag_set_id, (last_on, engine, run_id)) as a,
        arg_max(step_tag_set_id, (last_on, engine, run_id)) as b,
        arg_max(workflow_tag_set_id, (last_on, engine, run_id)) as c
    from waste_runs
    group by workload
),
workload_tags as (
    select w.workload, list_sort(list(distinct t.key || '=' || t.value)) as tags
    from workload_sets w
    join stg_tags t on t.tag_set_id in (w.a, w.b, w.c)
    group by w.workload
),
tables as (
    select
        table_id as subject, team,
        list_transform(json_keys(props), lambda k: k || '=' || coalesce(json_extract_string(props, '$."' || k || '"'), '')) as tags
    from waste_tables
),
bucket_teams as (
    select
        bucket_of(g.resource_id) as subject,
        arg_max(a.team, (a.usage_date, a.team)) as team
    from owned_atoms a
    join charge_groups g on g.group_nr = a.group_nr
    where a.part = 'unmeasured' and a.method = 'storage-unmeasured' and g.resource_id is not null
    group by 1
),
subjects as (
    select 'cluster' as subject_kind, subject, team, tags from clusters where subject is not null
    union all
    select 'workload', w.workload, w.team, coalesce(t.tags, [])
    from workload_sets w
    left join workload_tags t on t.workload = w.workload
    where w.workload is not null
    union all
    select 'table', subject, team, tags from tables
    union all
    select 'bucket', subject, team, [] from bucket_teams
),
scoped as (
    select s.*, min(o.scope) as tag_scope
    from subjects s
    left join tag_scopes o on list_contains(s.tags, o.tag)
    group by all
)
select
    subject_kind, subject, team, tags, tag_scope,
    coalesce(team, '') || chr(31) || coalesce(tag_scope, '') as profile
from scoped
