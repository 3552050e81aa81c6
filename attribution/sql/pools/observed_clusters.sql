-- One row per cluster of which anything but charges is known: nodes, or runs.
-- Key: cluster_id
select cluster_id from stg_nodes
union
select cluster_id from stg_run_hours where cluster_id is not null
