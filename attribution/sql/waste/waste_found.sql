-- One row per finding (detector, subject, currency) as detectors tell of it, with the order in which it claims.
-- The detectors are those of the list of models, in its order, which stand here by one word for them all.
-- Key: finding_id
with found as (
{every_detector}
)
select substr(md5(concat_ws(chr(31), detector, subject_kind, subject, billing_currency)), 1, 12) as finding_id, f.*
from found f
