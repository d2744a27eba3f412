"""What each channel's ads really caused: the same people, living the same days without them."""

import math

from cpalab import load_scenario, measure_truth, simulate

world = simulate(load_scenario("dtc-apparel", {"run.users": 20_000}))
truth = measure_truth(world)

print(world.summary())
for channel in world.scenario.paid_channels():
    effect = truth.effect(channel)
    price = effect.cost_per_incremental_conversion
    each = f"each for {price:,.2f}" if math.isfinite(price) else "for all its money"
    print(f"{channel:<20} caused {effect.incremental_conversions:>3}, {each}")
print(truth.summary())
