-- One row per history of owners and publish that recorded another team in it. As it was:
-- what the first publish after the day closed (00:00 UTC) knew, of what that did not know
-- yet the first record; while the day is open the last.
-- Key: owner_history_id, publish_nr
with closed as (
    select d.usage_date, min(p.publish_nr) as publish_nr
    from (select distinct usage_date from changed_owners) d
    join publishes p on p.recorded_at >= cast(d.usage_date as timestamp) + interval 1 day
    group by d.usage_date
),
histories as (
    select distinct h.owner_history_id, h.usage_date, r.publish_nr, r.team
    from changed_owners h
    join owner_records r
        on r.subject = h.subject and r.engine = h.engine and r.run_id = h.run_id and r.table_id = h.table_id
        and r.cluster_id = h.cluster_id and r.tag_set_id = h.tag_set_id and r.resource_id = h.resource_id
        and r.account_id = h.account_id and r.usage_date = h.usage_date
),
ranked as (
    select
        h.*,
        row_number() over (
            partition by h.owner_history_id
            order by
                case when c.publish_nr is null or h.publish_nr <= c.publish_nr then 0 else 1 end,
                case when c.publish_nr is null or h.publish_nr <= c.publish_nr then -h.publish_nr else h.publish_nr end
        ) as nth
    from histories h
    left join closed c on c.usage_date = h.usage_date
)
select
    r.owner_history_id,
    r.usage_date,
    r.publish_nr,
    p.recorded_at,
    nullif(r.team, '') as team,
    case when r.nth = 1 then 1 else 0 end as is_as_was
from ranked r
join publishes p on p.publish_nr = r.publish_nr
