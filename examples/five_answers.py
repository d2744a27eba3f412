"""Five CPAs of the same days: platforms, web analytics, CRM, perfect tracking, and the truth."""

from cpalab import compare, load_scenario, simulate

comparison = compare(simulate(load_scenario("dtc-apparel", {"run.users": 20_000})))
table = comparison.systems.to_frame().pivot(index="channel", columns="source", values="cost_per_conversion")
columns = ["platform", "analytics", "crm", "oracle", "incremental"]
print(table.loc[[channel.channel for channel in comparison.channels], columns].round(1).to_string())
print(f"Platforms together claim {comparison.systems.claims_per_order:.2f} orders per order.")
