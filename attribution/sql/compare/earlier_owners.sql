-- One row per subject of ownership that the later mart has in a changed group, and day, where the earlier mart knew it: the team it had then.
-- Key: subject, usage_date
select s.subject, s.usage_date, min(s.team) as team
from (select c.usage_date, c.team, {subject} as subject from atoms c where {days}) s
where s.subject in (select subject from later_atoms)
group by s.subject, s.usage_date
-- A consumer may have several owners; then there is none to go by.
having count(distinct coalesce(s.team, '')) = 1
