-- Any row is a billed line that is missing from the pools, or stands in more than one.
select c.source, c.source_file, c.source_line, count(l.source) as pools
from stg_charges c
left join charge_lines l
    on l.source = c.source and l.source_file = c.source_file and l.source_line = c.source_line
group by c.source, c.source_file, c.source_line
having count(l.source) <> 1
