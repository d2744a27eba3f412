"""The regime: which tracking is in force when, from the scenario and its timeline (days)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.record.record_draws import Floats, Ints
from simulator.scenario.faults import with_faults
from simulator.scenario.schema import Scenario
from simulator.scenario.timeline import versions
from simulator.scenario.tracking import Tracking


@dataclass(frozen=True)
class TrackingInForce:
    """The tracking in force from each day on.

    Attributes:
        days: first day of each stretch, rising from 0 (E,).
        scenarios: the scenario as it holds in each stretch.
        trackings: its tracking with all faults at work (E,).
    """

    days: Floats
    scenarios: tuple[Scenario, ...]
    trackings: tuple[Tracking, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> "TrackingInForce":
        """The regime of a scenario."""
        stretches = versions(scenario)
        return cls(
            np.array([stretch.day for stretch in stretches]),
            tuple(stretch.scenario for stretch in stretches),
            tuple(effective(stretch.scenario) for stretch in stretches),
        )

    def at(self, time: Floats) -> "Moments":
        """What is in force at these times (days)."""
        return Moments(self, np.maximum(np.searchsorted(self.days, time, side="right") - 1, 0))

    def longest(self, days: Callable[[Tracking], float]) -> float:
        """The largest value of a number over the whole run."""
        return max(days(tracking) for tracking in self.trackings)


@dataclass(frozen=True)
class Moments:
    """Many moments, each with the stretch of the regime that it falls into (n,)."""

    regime: TrackingInForce
    stretch: Ints

    def __call__(self, number: Callable[[Tracking], float]) -> Floats:
        """A number of the tracking in force at each moment, float64 (n,)."""
        values = np.array([number(tracking) for tracking in self.regime.trackings], dtype=np.float64)
        return values[self.stretch]

    def table(self, row: Callable[[Scenario, Tracking], Any], column: Ints) -> Floats:
        """One entry, at `column`, of the row of numbers in force at each moment, float64 (n,)."""
        pairs = zip(self.regime.scenarios, self.regime.trackings, strict=True)
        values = np.array([row(scenario, tracking) for scenario, tracking in pairs], dtype=np.float64)
        return values[self.stretch, column]

    def rows(self, row: Callable[[Tracking], Any]) -> Floats:
        """Rows of numbers in force at each moment, float64 (n, columns)."""
        values = np.array([row(tracking) for tracking in self.regime.trackings], dtype=np.float64)
        return values[self.stretch]


def effective(scenario: Scenario) -> Tracking:
    """The tracking of a scenario with all its faults at work."""
    return with_faults(scenario.tracking, scenario.run.days, counted_first(scenario))


def counted_first(scenario: Scenario) -> str:
    """What is counted for the funnel's first step: its name, or the order where that is the only step."""
    return scenario.funnel[0].name if len(scenario.funnel) > 1 else "order"
