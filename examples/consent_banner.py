"""Before a consent banner: which shift of CPA each system must show, and what would be a bug."""

from cpalab import load_plan, load_scenario, roll_out, simulate

scenario = load_scenario("dtc-apparel", {"run.users": 20_000})
plan = load_plan(
    {"title": "Consent banner", "changes": [{"name": "consent banner", "fault": "consent_banner", "size": 0.55}]},
    scenario,
)
rollout = roll_out(simulate(scenario), plan, verify=True)
for channel in ("social_prospecting", "generic_search"):
    for system in ("platform", "analytics", "crm"):
        print(f"{channel:<20} {system:<10} CPA × {rollout.shift(channel, system).multiplier:.2f}")
print("Orders and their labels are untouched:", rollout.verification.passed)
