"""Writes focus_made_by_pyarrow.parquet: FOCUS as AWS exports it to Parquet, with maps.

Run with pyarrow 26.0.1.
"""
import datetime

import pyarrow as pa
import pyarrow.parquet as pq

day = lambda d: pa.array([datetime.datetime(2026, 10, d)] * 2, pa.timestamp("ms"))
texts = pa.map_(pa.string(), pa.string())

table = pa.table({
    "BillingPeriodStart": day(1),
    "ChargePeriodStart": day(5),
    "ChargePeriodEnd": day(6),
    "BillingCurrency": ["USD", "USD"],
    "ChargeCategory": ["Usage", "Usage"],
    "BilledCost": pa.array([0.1, 0.2], pa.float64()),
    "EffectiveCost": pa.array([0.1, 0.2], pa.float64()),
    "Tags": pa.array([[("team", "growth"), ("user:Name", "<script>")], []], texts),
    "x_Discounts": pa.array([None, [("EDP", -0.25)]], pa.map_(pa.string(), pa.float64())),
})
pq.write_table(table, "focus_made_by_pyarrow.parquet")
