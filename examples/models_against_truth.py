"""Attribution models beside the truth: how far is each from what the channels caused, and are all alike?"""

from cpalab import attribute, load_scenario, measure_truth, simulate

MODELS = ["last_click", "first_click", "linear", "markov", "shapley"]

world = simulate(load_scenario("dtc-apparel", {"run.users": 40_000}))
truth = measure_truth(world, estimands=("average",))
caused = {name: truth.effect(name).incremental_conversions for name in world.scenario.paid_channels()}

_, credits = attribute(world, models=MODELS)
for credit in credits:
    given = credit.to_frame().set_index("channel")["conversions"]
    miss = sum(abs(given.get(name, 0.0) - orders) for name, orders in caused.items())
    video = given.get("video", 0.0)
    print(f"{credit.method:<12} misplaces {miss:5.1f} orders; video gets {video:4.1f}, caused {caused['video']}")
