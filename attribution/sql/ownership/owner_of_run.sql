-- One row per run with an owner: the first rule that matches on the day it started, by kind
-- (run owner and tags, workflow, user, then the cluster's), then in the order of the rules.
-- Key: run_nr
with known as (
    select
        run_nr, cast(started_at as date) as started_on,
        'owner' as kind, '' as tag_key, owner as value, 1 as kind_rank
    from stg_runs
    union all
    select r.run_nr, cast(r.started_at as date), 'tag', t.key, t.value, 1
    from stg_runs r
    join stg_tags t on t.tag_set_id = r.tag_set_id
    union all
    select r.run_nr, cast(r.started_at as date), 'tag', t.key, t.value, 1
    from stg_runs r
    join stg_tags t on t.tag_set_id = r.step_tag_set_id
    union all
    select r.run_nr, cast(r.started_at as date), 'tag', t.key, t.value, 1
    from stg_runs r
    join stg_tags t on t.tag_set_id = r.workflow_tag_set_id
    union all
    -- Without a workflow the run's name is looked at.
    select run_nr, cast(started_at as date), 'workflow', '', coalesce(workflow_id, name), 2 from stg_runs
    union all
    select run_nr, cast(started_at as date), 'user', '', user_name, 3 from stg_runs
),
matches as (
    select k.run_nr, m.team, m.rule_id, m.kind, m.position, k.kind_rank
    from known k
    join owner_matches m
        on m.kind = k.kind and m.tag_key = k.tag_key and m.value = k.value
        and k.started_on >= m.valid_from and k.started_on < m.valid_to
    union all
    select u.run_nr, c.team, c.rule_id, 'cluster', c.position, 4
    from (select distinct run_nr, cluster_id, cast(hour as date) as usage_date from run_hosts) u
    join owner_of_cluster c on c.cluster_id = u.cluster_id and c.usage_date = u.usage_date
),
ranked as (
    select
        m.*,
        row_number() over (partition by m.run_nr order by m.kind_rank, m.position, m.team) as nth
    from matches m
)
select run_nr, team, rule_id, kind as owner_kind
from ranked
where nth = 1
