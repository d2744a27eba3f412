"""Brand search switched off: what the report had credited it with, and how many orders are truly lost."""

from cpalab import attribute, load_scenario, measure_truth, simulate

world = simulate(load_scenario("dtc-apparel", {"run.users": 40_000}))
_, [last_click] = attribute(world, models=["last_click"])
credited = last_click.to_frame().set_index("channel")["conversions"]["brand_search"]
lost = measure_truth(world, estimands=("average",)).effect("brand_search").incremental_conversions
print(f"Last click credits brand search with {credited:.0f} orders. Without it {lost} are lost.")
