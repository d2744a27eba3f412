"""The contract of a lift-test design inside a world, and what its reading holds (conversions, currency per conversion)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from cpalab.refusal import Problem, ScenarioError, did_you_mean
from cpalab.result import Result
from experiments.lift.estimate.cost_ratio import CostPerIncrementalConversion
from experiments.lift.estimate.lift_estimate import LiftEstimate
from experiments.lift.user.user_test import with_bounds
from experiments.truth.effects import Effect
from simulator.scenario.schema import Scenario
from simulator.world import World

__all__ = ["LEVEL", "Design", "DesignReading", "require_ads"]

LEVEL = 0.95


@dataclass(frozen=True)
class DesignReading(Result):
    """What one design found out about one channel.

    Attributes:
        design: name of the design.
        channel: whose ads were tested.
        lift: incremental conversions, in total, of the ads that the cost in `cost` paid for.
        cost: what one of them cost, as a confidence set at level LEVEL; in currency.
        conversions_forgone: estimated conversions that the test cost, because ads were withheld for it.
        test_cost: money spent on the test itself (placebo ads, more ads of a heavy-up), in currency.
        notes: what the reader of the numbers must know, one sentence each.
        value: incremental order value of the same ads, in currency; None where the design does not read it.
    """

    design: str
    channel: str
    lift: LiftEstimate
    cost: CostPerIncrementalConversion
    conversions_forgone: float
    test_cost: float = 0.0
    notes: tuple[str, ...] = ()
    value: LiftEstimate | None = None

    @property
    def width(self) -> float:
        """Width of the lift's interval at LEVEL, in conversions."""
        lower, upper = self.lift.interval(LEVEL)
        return upper - lower

    def covers(self, conversions: float) -> bool:
        """Whether the lift's interval at LEVEL holds this number of incremental conversions."""
        lower, upper = self.lift.interval(LEVEL)
        return lower <= conversions <= upper

    def to_frame(self) -> pd.DataFrame:
        """One row: the ad platforms' lift columns with their bounds; nan where the design does not read a number."""
        row = {
            "design": self.design,
            "channel": self.channel,
            "cost": self.cost.cost,
            **with_bounds("incremental_conversions", self.lift.difference, self.lift.interval(LEVEL)),
            **with_bounds("relative_conversion_lift", self.lift.relative_lift, self.lift.relative_interval(LEVEL)),
            **with_bounds("cost_per_incremental_conversion", self.cost.point, (self.cost.lower, self.cost.upper)),
            "p_value": self.lift.p_value(),
            "conversions_forgone": self.conversions_forgone,
            "test_cost": self.test_cost,
            "incremental_value": math.nan if self.value is None else self.value.difference,
        }
        return pd.DataFrame([row])

    def summary(self) -> str:
        """Lift and price in a few sentences, then the notes."""
        lower, upper = self.lift.interval(LEVEL)
        sentences = [
            f"{self.design} on {self.channel}: {self.lift.difference:z,.1f} incremental conversions "
            f"({100 * LEVEL:g}% interval {lower:z,.1f} to {upper:z,.1f}).",
            self.cost.summary(),
            *self.notes,
        ]
        return " ".join(sentences)


def require_ads(scenario: Scenario, channel: str) -> None:
    """Refuse a channel whose ads cannot be tested.

    Raises:
        ScenarioError: there is no such channel, or it has no campaigns.
    """
    if channel not in scenario.paid_channels():
        rule = "is no channel of this scenario" if channel not in scenario.channels else "has no campaigns to test"
        hint = did_you_mean(channel, scenario.paid_channels())
        raise ScenarioError([Problem("channels", rule, repr(channel), hint)])


class Design(Protocol):
    """A way to test a channel's ads: put into a scenario, run in its world, read there.

    A design is a frozen object. The world is simulated from the scenario that `arrange` gives; `read` sees of it only
    what the test's own record holds; `truth` is computed by twin worlds and is what a perfect test of this design
    would find.
    """

    @property
    def name(self) -> str:
        """What the design is called on the command line, in tables and in readings."""

    @property
    def factorial(self) -> bool:
        """Whether several channels can be tested in one world at once, each reading undisturbed by the others' tests."""

    def arrange(self, scenario: Scenario, channel: str) -> Scenario:
        """The scenario with a test of this channel in it.

        Raises:
            ScenarioError: the scenario cannot hold this test (no campaigns, too few geos); all problems at once.
        """

    def read(self, world: World, channel: str) -> DesignReading:
        """What the test finds in a world that was simulated from an arranged scenario.

        Raises:
            LiftInputError: the world holds no reading (an arm with nobody).
        """

    def truth(self, world: World, channels: Sequence[str], threads: int = 1) -> dict[str, Effect]:
        """What the ads that each channel's reading is about truly caused: the twin world without them, in one pass.

        `incremental_conversions` is what `DesignReading.lift` estimates, `cost_micros` the money of the same ads.
        """
