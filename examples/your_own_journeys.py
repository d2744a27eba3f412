"""Your own table of touches and orders: who gets the credit, under which model, at which cost."""

import pandas as pd

from attribution import PathSettings, build_paths, cpa_table, load_model

touches = pd.DataFrame(
    [
        ("ann", 1.0, "social"),
        ("ann", 3.0, "search"),
        ("bob", 2.0, "search"),
        ("cid", 1.5, "social"),
        ("cid", 4.0, "direct"),
    ],
    columns=["user_id", "time", "channel"],
)
orders = pd.DataFrame([("ann", 3.2, 80.0), ("cid", 4.1, 120.0)], columns=["user_id", "time", "value"])

paths = build_paths(touches, orders, PathSettings(lookback_days=7, direct="ignored_unless_alone"))
credits = [load_model(name).fit(paths).credit(paths) for name in ("last_click", "linear")]
table = cpa_table(credits, {"social": 30_000_000, "search": 20_000_000})
print(table[["channel", "method", "cost", "conversions", "cost_per_conversion"]].to_string(index=False))
