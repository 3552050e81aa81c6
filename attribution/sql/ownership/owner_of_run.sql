-- One row per run with an owner: the first rule that matches on the day it started, by kind
-- (run owner and tags, workflow, user, then the cluster's), then in the order of the rules.
-- Key: run_nr
with cluster_days as (
    select distinct h.run_nr, h.cluster_id, cast(r.started_at as date) as started_on
    from (select distinct run_nr, cluster_id from run_hosts where cluster_id is not null) h
    join stg_runs r on r.run_nr = h.run_nr
),
cluster_ranks as (
    select
        d.cluster_id, d.started_on, c.team, c.rule_id, c.position,
        row_number() over (
            partition by d.cluster_id, d.started_on order by c.kind_rank, c.position, c.team
        ) as nth
    from (select distinct cluster_id, started_on from cluster_days) d
    join cluster_owners c
        on c.cluster_id = d.cluster_id and d.started_on >= c.valid_from and d.started_on < c.valid_to
),
known as (
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
    select d.run_nr, c.team, c.rule_id, 'cluster', c.position, 4
    from cluster_days d
    join cluster_ranks c on c.cluster_id = d.cluster_id and c.started_on = d.started_on and c.nth = 1
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
