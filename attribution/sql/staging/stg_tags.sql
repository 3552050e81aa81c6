-- One row per tag set, folded key, raw key and value.
-- Key: tag_set_id, key, raw_key, value
select distinct tag_set_id, key, raw_key, value
from landed_tag_sets
