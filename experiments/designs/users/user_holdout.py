"""The user holdout, read by intention to treat: everyone assigned counts, reached by an ad or not (conversions)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.designs.design import DesignReading
from experiments.designs.tested_truth import effects_of_test
from experiments.designs.users.arrangement import days_of, holdout_arranged
from experiments.designs.users.user_level import WorldTest, read_user_test
from experiments.truth.effects import Effect
from simulator.scenario.clock import Clock
from simulator.scenario.schema import Scenario
from simulator.world import World

__all__ = ["USER_HOLDOUT", "USER_HOLDOUT_ADJUSTED", "UserHoldout"]

BEFORE_SHARE = 1 / 3


@dataclass(frozen=True)
class UserHoldout:
    """A share of people is not shown the ads; orders per person are compared, arm by arm.

    Args:
        adjusted: adjust for people's visits to the site before the test: those of the warm-up too. Without a warm-up a test
            on the first day is put off until a third of the run.
    """

    adjusted: bool = False
    factorial: bool = True

    @property
    def name(self) -> str:
        """`user_holdout`, or `user_holdout_adjusted`."""
        return "user_holdout_adjusted" if self.adjusted else "user_holdout"

    def arrange(self, scenario: Scenario, channel: str) -> Scenario:
        """The scenario with a holdout of people."""
        changes: dict[str, object] = {"design": "intention_to_treat", "assignment": "person"}
        arranged = holdout_arranged(scenario, channel, **changes)
        if self.adjusted and days_of(arranged, channel).start_day == 0.0 and Clock.of(scenario).start == 0:
            start_day = math.ceil(BEFORE_SHARE * days_of(arranged, channel).end_day)
            arranged = holdout_arranged(scenario, channel, **changes, start_day=start_day)
        return arranged

    def test(self, world: World, channel: str) -> WorldTest:
        """Orders per treated person against orders per person held out."""
        test = read_user_test(world, channel, adjusted=self.adjusted)
        return replace(test, notes=(f"Ads reached {test.conversions.share_exposed:z.0%} of the treated.", *test.notes))

    def read(self, world: World, channel: str) -> DesignReading:
        """The difference per person × people treated."""
        return self.test(world, channel).reading(self.name)

    def truth(self, world: World, channels: Sequence[str], threads: int = 1) -> dict[str, Effect]:
        """What the ads shown to the treated caused."""
        return effects_of_test(world, channels, threads)


USER_HOLDOUT = UserHoldout()
USER_HOLDOUT_ADJUSTED = UserHoldout(adjusted=True)
