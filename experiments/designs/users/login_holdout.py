"""The holdout by log-in: ads are withheld while the held-out are logged in; read with the leakage corrected (conversions)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cpalab.refusal import refuse
from experiments.designs.design import DesignReading
from experiments.designs.tested_truth import effects_of_test
from experiments.designs.users.arrangement import holdout_arranged
from experiments.designs.users.user_level import WorldTest, read_user_test
from experiments.designs.users.world_counts import ad_events, compared_arms
from experiments.truth.effects import Effect
from simulator.scenario.schema import Scenario
from simulator.world import World

__all__ = ["LOGIN_HOLDOUT", "LoginHoldout"]


@dataclass(frozen=True)
class LoginHoldout:
    """People who log in are assigned; logged out they are not known, and the held-out see ads (leakage).

    Intention to treat is divided by the share of ads that was withheld, 1 − ads per person held out ÷ ads per person
    treated (Wald's estimator with ads as the dose). It assumes that each ad does the same: where returns diminish, the
    ads that leak do more than those withheld, and the effect is understated still.
    """

    name: str = "login_holdout"
    factorial: bool = True

    def arrange(self, scenario: Scenario, channel: str) -> Scenario:
        """The scenario with a holdout of people who log in."""
        return holdout_arranged(scenario, channel, design="intention_to_treat", assignment="login", group=None)

    def test(self, world: World, channel: str) -> WorldTest:
        """Orders per treated person less orders per person held out, over the share of ads withheld."""
        test = read_user_test(world, channel)
        ads = np.bincount(ad_events(world, channel, "impression")["user_id"].to_numpy(), minlength=world.users.num_rows)
        treated, control = (float(ads[arm].mean()) for arm in compared_arms(world, channel))
        if not treated > control:
            refuse([f"{channel}: ads per person held out must be fewer than per person treated ({treated:z.3g})"])
        withheld = 1 - control / treated
        corrected = test.conversions.lift.scaled(1 / withheld)
        people, found = test.conversions.treated.users, test.conversions.incremental_conversions.difference
        return replace(
            test,
            conversions=replace(test.conversions, lift=corrected, unexposed=None),
            value=test.value.scaled(1 / withheld),
            notes=(
                f"Only the {people:,} treated people who log in count; {1 - withheld:z.0%} of the ads reached the held-out "
                f"logged out. Without the correction: {found:z,.1f} incremental conversions.",
            ),
        )

    def read(self, world: World, channel: str) -> DesignReading:
        """The corrected difference per person × people treated."""
        return self.test(world, channel).reading(self.name)

    def truth(self, world: World, channels: Sequence[str], threads: int = 1) -> dict[str, Effect]:
        """What all ads shown to the treated people who log in caused, logged in or not."""
        return effects_of_test(world, channels, threads)


LOGIN_HOLDOUT = LoginHoldout()
