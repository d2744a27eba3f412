"""The same orders under one lookback window after another: CPA moves, not one order does."""

from attribution import PathSettings
from cpalab import attribute, load_scenario, simulate

world = simulate(load_scenario("dtc-apparel", {"run.users": 40_000}))
cost = world.cost_micros()["social_prospecting"] / 1e6
for days in (1, 3, 7, 30):
    _, [credit] = attribute(
        world, models=["last_click"], settings=PathSettings(lookback_days=days, direct="ignored_unless_alone")
    )
    credited = credit.to_frame().set_index("channel")["conversions"]["social_prospecting"]
    print(f"lookback {days:>2} days: real orders {world.orders().num_rows}, social CPA {cost / credited:6.2f}")
