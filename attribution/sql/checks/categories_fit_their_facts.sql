-- Any row is an atom whose category contradicts what is known of it.
select group_nr, category, run_nr, table_id, team
from owned_atoms
where category is null
    or category not in ('direct', 'usage', 'storage', 'shared', 'idle', 'unallocated')
    or (category = 'usage') <> (run_nr is not null or consumer is not null)
    or (category in ('direct') and team is null)
    or (category = 'unallocated' and team is not null)
    or weight <= 0
    or weight > weight_total
