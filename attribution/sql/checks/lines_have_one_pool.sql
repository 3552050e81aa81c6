-- Any row is a billed line that is missing from the pools, or stands in more than one.
select c.source, c.source_file, c.source_line, count(l.line_id) as pools
from stg_charges c
left join charge_lines l
    on l.line_id = c.line_id
group by c.source, c.source_file, c.source_line
having count(l.line_id) <> 1
