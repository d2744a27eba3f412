"""How many people a test needs for the lift it is to find, and what it can find with those there are."""

from experiments.lift import UserTestDesign, plan_user_test

design = UserTestDesign(baseline_rate=0.01, treated_share=0.9)
print(plan_user_test(design, relative_lift=0.10).summary())
print(plan_user_test(design, users=100_000).summary())
