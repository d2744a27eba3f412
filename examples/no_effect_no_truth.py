"""A placebo: ads that do nothing cause exactly nothing, whatever the reports say of them."""

from cpalab import attribute, load_scenario, measure_truth, simulate

world = simulate(load_scenario("placebo", {"run.users": 20_000}))
truth = measure_truth(world, estimands=("average",))
_, [last_click] = attribute(world, models=["last_click"])
credited = last_click.to_frame().set_index("channel")["conversions"]

for channel in world.scenario.paid_channels():
    caused = truth.effect(channel).incremental_conversions
    print(f"{channel:<20} credited {credited.get(channel, 0.0):>4.0f}, caused {caused}")
