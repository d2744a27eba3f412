"""One campaign, fifty tests by fifty lots: what single tests find, and how many can tell the effect from nothing."""

import numpy as np

from experiments.lift import ArmStatistics, user_holdout_test

PEOPLE, BASE, LIFT = 60_000, 0.006, 0.12
rng = np.random.default_rng(2015)
found, open_, holding = [], 0, 0
for _ in range(50):
    control = rng.binomial(PEOPLE // 10, BASE)
    treated = rng.binomial(PEOPLE - PEOPLE // 10, BASE * (1 + LIFT))
    arms = ArmStatistics(PEOPLE - PEOPLE // 10, treated, treated), ArmStatistics(PEOPLE // 10, control, control)
    extra = user_holdout_test(*arms, None).incremental_conversions
    low, high = extra.interval(0.95)
    found.append(extra.difference)
    open_ += low <= 0 <= high
    holding += low <= (PEOPLE - PEOPLE // 10) * BASE * LIFT <= high
print(f"The ads truly cause {(PEOPLE - PEOPLE // 10) * BASE * LIFT:.0f} orders.")
print(f"Fifty tests find {min(found):.0f} to {max(found):.0f}; {open_} cannot rule out that the ads do nothing.")
print(f"{holding} of the 50 intervals hold the truth.")
