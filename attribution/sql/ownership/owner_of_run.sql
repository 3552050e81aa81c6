-- One row per run with an owner: the first rule that matches, by kind (run owner and tags,
-- workflow, user, then the cluster's), then in the order of the configuration.
-- Key: engine, run_id
with tags as (
    select r.engine, r.run_id, t.key, t.value
    from stg_runs r
    join stg_tags t on t.tag_set_id = r.tag_set_id
    union
    select r.engine, r.run_id, t.key, t.value
    from stg_runs r
    join stg_tags t on t.tag_set_id = r.step_tag_set_id
    union
    select r.engine, r.run_id, t.key, t.value
    from stg_runs r
    join stg_tags t on t.tag_set_id = r.workflow_tag_set_id
),
matches as (
    select r.engine, r.run_id, o.team, o.rule_id, o.kind, o.position, 1 as kind_rank
    from stg_runs r
    join rule_owners o
        on o.kind = 'owner' and r.owner like o.pattern escape '\'
        and cast(r.started_at as date) >= o.valid_from and cast(r.started_at as date) < o.valid_to
    union all
    select r.engine, r.run_id, o.team, o.rule_id, o.kind, o.position, 1
    from stg_runs r
    join tags t on t.engine = r.engine and t.run_id = r.run_id
    join rule_owners o
        on o.kind = 'tag' and t.key = o.tag_key and t.value like o.pattern escape '\'
        and cast(r.started_at as date) >= o.valid_from and cast(r.started_at as date) < o.valid_to
    union all
    select r.engine, r.run_id, o.team, o.rule_id, o.kind, o.position, 2
    from stg_runs r
    join rule_owners o
        on o.kind = 'workflow'
        and (r.workflow_id like o.pattern escape '\' or (r.workflow_id is null and r.name like o.pattern escape '\'))
        and cast(r.started_at as date) >= o.valid_from and cast(r.started_at as date) < o.valid_to
    union all
    select r.engine, r.run_id, o.team, o.rule_id, o.kind, o.position, 3
    from stg_runs r
    join rule_owners o
        on o.kind = 'user' and r.user_name like o.pattern escape '\'
        and cast(r.started_at as date) >= o.valid_from and cast(r.started_at as date) < o.valid_to
    union all
    select u.engine, u.run_id, c.team, c.rule_id, c.owner_kind, c.position, 4
    from (select distinct engine, run_id, cluster_id, cast(hour as date) as usage_date from run_hosts) u
    join owner_of_cluster c on c.cluster_id = u.cluster_id and c.usage_date = u.usage_date
),
ranked as (
    select
        m.*,
        row_number() over (partition by m.engine, m.run_id order by m.kind_rank, m.position, m.team) as nth
    from matches m
)
select engine, run_id, team, rule_id, kind as owner_kind
from ranked
where nth = 1
