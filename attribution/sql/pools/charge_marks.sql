-- One row per resource, tag set and rule of the pools that its tags or its resource meet
-- (of rules that ask for neither there is none): asked once here, not for every line.
-- Key: resource_id, tag_set_id, rule_nr
with subjects as (
    select distinct coalesce(resource_id, '') as resource_id, coalesce(tag_set_id, '') as tag_set_id
    from stg_charges
    where resource_id is not null or tag_set_id is not null
),
by_tag as (
    select distinct r.rule_nr, t.tag_set_id
    from rule_pools r
    join stg_tags t on t.key = r.tag_key and lower(t.value) like r.tag_value escape '\'
),
by_resource as (
    select r.rule_nr, s.resource_id
    from (select distinct resource_id from subjects where resource_id <> '') s
    join rule_pools r on r.resource is not null and lower(s.resource_id) like r.resource escape '\'
)
select s.resource_id, s.tag_set_id, t.rule_nr
from subjects s
join by_tag t on t.tag_set_id = s.tag_set_id
join rule_pools r on r.rule_nr = t.rule_nr and r.resource is null
union all
select s.resource_id, s.tag_set_id, l.rule_nr
from subjects s
join by_resource l on l.resource_id = s.resource_id
join rule_pools r on r.rule_nr = l.rule_nr and r.tag_key is null
union all
select s.resource_id, s.tag_set_id, t.rule_nr
from subjects s
join by_tag t on t.tag_set_id = s.tag_set_id
join by_resource l on l.resource_id = s.resource_id and l.rule_nr = t.rule_nr
