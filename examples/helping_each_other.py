"""Two channels: what each adds alone, on top of the other, and on average (its true Shapley value)."""

from cpalab import load_scenario, simulate
from experiments.truth.interactions import measure_interactions

world = simulate(load_scenario("dtc-apparel", {"run.users": 40_000}))
found = measure_interactions(world, ["video", "social_prospecting"])
print(found.to_frame().round(2).to_string(index=False))
print(found.summary())
