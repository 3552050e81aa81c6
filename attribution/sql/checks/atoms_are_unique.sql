-- Any row is a charge group, run, table and consumer that stands in more than one atom.
select charge_group_id, engine, run_id, table_id, consumer, part, count(*) as rows_found
from atoms
group by charge_group_id, engine, run_id, table_id, consumer, part
having count(*) > 1
