"""No test: orders of those whom an ad reached against orders of all others. The negative control (conversions)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.designs.design import LEVEL, DesignReading
from experiments.designs.tested_truth import effect_of_all_ads
from experiments.designs.users.arrangement import days_of, holdout_arranged
from experiments.designs.users.world_counts import Counted, ad_events, compared_arms, cost_of_ads, orders_between
from experiments.lift.estimate.welch import welch_lift
from experiments.lift.user.user_test import user_holdout_test
from experiments.truth.effects import Effect
from simulator.scenario.schema import Scenario
from simulator.world import World

__all__ = ["EXPOSED_VS_UNEXPOSED", "ExposedVsUnexposed"]


@dataclass(frozen=True)
class ExposedVsUnexposed:
    """Nobody is held out, and people whom an ad reached are compared with people whom none reached.

    Ads reach people who are more active, more interested or targeted, and who order more without them. The comparison
    takes that for the effect of the ads (Lewis, Rao and Reiley 2011, "Here, there, and everywhere", WWW: activity bias).
    """

    name: str = "exposed_vs_unexposed"
    factorial: bool = True

    def arrange(self, scenario: Scenario, channel: str) -> Scenario:
        """The scenario in which nobody is held out from the channel."""
        arranged = holdout_arranged(scenario, channel, design="intention_to_treat", assignment="person", group=None)
        return holdout_off(arranged, channel)

    def read(self, world: World, channel: str) -> DesignReading:
        """Orders per exposed person against orders per unexposed person, × people exposed."""
        days = days_of(world.scenario, channel)
        people, _ = compared_arms(world, channel)
        exposed = np.zeros(len(people), np.bool_)
        exposed[ad_events(world, channel, "impression")["user_id"].to_numpy()] = True
        orders = orders_between(world, days.start_day, days.last_day)
        counted = Counted.of(orders["user_id"].to_numpy(), orders["value_micros"].to_numpy(), len(people))
        with_ads, without = people & exposed, people & ~exposed
        test = user_holdout_test(counted.arm(with_ads), counted.arm(without), cost_of_ads(world, channel, people))
        value = welch_lift(counted.value_arm(with_ads), counted.value_arm(without)).scaled(test.treated.users)
        return DesignReading(
            self.name,
            channel,
            test.incremental_conversions,
            test.cost_per_incremental_conversion(LEVEL),
            conversions_forgone=0.0,
            notes=("Nobody was assigned: this compares different people, and no interval is wide enough for that.",),
            value=value,
        )

    def truth(self, world: World, channels: Sequence[str], threads: int = 1) -> dict[str, Effect]:
        """What all of the channel's ads caused."""
        return effect_of_all_ads(world, channels, threads)


def holdout_off(scenario: Scenario, channel: str) -> Scenario:
    """The scenario with a share of zero in the channel's holdout."""
    changed = scenario.channels[channel]
    changed = changed.model_copy(update={"holdout": changed.holdout.model_copy(update={"share": 0.0})})
    return scenario.model_copy(update={"channels": {**scenario.channels, channel: changed}})


EXPOSED_VS_UNEXPOSED = ExposedVsUnexposed()
