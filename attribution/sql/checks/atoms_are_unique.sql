-- Any row is a charge group, run, table and consumer that stands in more than one atom.
select group_nr, run_nr, table_id, consumer, part, count(*) as rows_found
from owned_atoms
group by group_nr, run_nr, table_id, consumer, part
having count(*) > 1
