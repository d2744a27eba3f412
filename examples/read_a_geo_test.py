"""A channel switched off in four of twelve regions for three weeks: what it had caused there, and at which cost."""

import numpy as np
import pandas as pd

from experiments.lift import default_geo_test, geo_experiment, geo_panel

rng = np.random.default_rng(4)
days = pd.date_range("2026-01-05", periods=63)
size = rng.lognormal(4.5, 0.4, 12)
season = 1 + 0.1 * np.sin(np.arange(63) / 7 * 2 * np.pi)
rows = []
for geo, people in enumerate(size):
    dark = geo < 4
    for day, date in enumerate(days):
        off = dark and day >= 42
        orders = rng.poisson(people * season[day] * (0.88 if off else 1.0))
        rows.append((date, f"region {geo + 1:02}", orders, 0.0 if off else 2.0 * people))
panel = geo_panel(pd.DataFrame(rows, columns=["date", "geo", "response", "cost"]))
treated = [f"region {geo + 1:02}" for geo in range(4)]
test = default_geo_test(geo_experiment(panel, treated, "2026-02-16", "2026-03-08"))
print(test.summary())
