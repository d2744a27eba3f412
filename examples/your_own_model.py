"""A model of your own: a frozen class, the public checks, and the truth beside it."""

from dataclasses import dataclass

import numpy as np

from attribution.credit import Credit
from attribution.testing import check_attribution_model
from cpalab import compare, load_scenario, simulate


@dataclass(frozen=True)
class FirstAndLast:
    """Half to the first touch, half to the last."""

    name: str = "first_and_last"

    def fit(self, paths):
        """Nothing is learnt."""
        return self

    def credit(self, paths):
        """Each channel's share of every path."""
        shares = np.zeros(len(paths.codes))
        np.add.at(shares, paths.offsets[:-1], 0.5)
        np.add.at(shares, paths.offsets[1:] - 1, 0.5)
        return Credit.from_touch_shares(self.name, paths, shares)


check_attribution_model(FirstAndLast())
print("It passes the checks that every model of cpalab passes.")

comparison = compare(
    simulate(load_scenario("dtc-apparel", {"run.users": 20_000})),
    models=[FirstAndLast(), "last_click"],
    judge="first_and_last",
)
for channel in comparison.channels:
    print(channel.verdict)
