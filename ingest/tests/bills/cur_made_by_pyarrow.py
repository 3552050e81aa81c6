"""Writes cur_made_by_pyarrow.parquet: a legacy CUR in the types other writers choose.

Run with pyarrow 26.0.1: dictionary texts, INT96 and second-precision times, decimals,
integers and singles as costs, and a row group for every line.
"""
import datetime
import decimal

import pyarrow as pa
import pyarrow.parquet as pq

utc = datetime.timezone.utc
hour = [datetime.datetime(2026, 10, 5, h) for h in (1, 2, 3)]
after = [datetime.datetime(2026, 10, 5, h) for h in (2, 3, 4)]
word = lambda *texts: pa.array(texts, pa.string()).dictionary_encode()

table = pa.table({
    "bill_billing_period_start_date": pa.array([datetime.date(2026, 10, 1)] * 3, pa.date32()),
    "line_item_usage_start_date": pa.array(hour, pa.timestamp("ns")),
    "line_item_usage_end_date": pa.array(after, pa.timestamp("ns")),
    "line_item_line_item_type": word("Usage", "DiscountedUsage", "RIFee"),
    "line_item_product_code": word("AmazonEC2", "AmazonEC2", None),
    "line_item_usage_account_id": pa.array([111122223333, 111122223333, 444455556666], pa.int64()),
    "line_item_currency_code": word("USD", "USD", "USD"),
    "line_item_unblended_cost": pa.array(
        [decimal.Decimal("0.100000000000000001"), decimal.Decimal("0"), decimal.Decimal("7.5")], pa.decimal128(38, 18)
    ),
    "line_item_resource_id": pa.array([b"i-0a", b"i-0b", None], pa.binary()),
    "pricing_public_on_demand_cost": pa.array([0.1, 0.3, None], pa.float32()),
    "reservation_effective_cost": pa.array([None, 2, None], pa.int32()),
    "reservation_unused_recurring_fee": pa.array([None, None, "1.25E-1"], pa.string()),
    "reservation_unused_amortized_upfront_fee_for_billing_period": pa.array([None, None, 0.7], pa.float64()),
    "product_vcpu": pa.array([4, 8, None], pa.int32()),
    "resource_tags_user_team": word("growth", None, "platform"),
    "unread": pa.array([[1], [2], []], pa.list_(pa.int8())),
})
pq.write_table(table, "cur_made_by_pyarrow.parquet", row_group_size=1, use_deprecated_int96_timestamps=True)
