"""The geo tests that a scenario runs itself, read from the panel of its world: conversions and money per test."""

from dataclasses import dataclass

import pandas as pd

from experiments.lift.geo.result import GeoLiftTest
from experiments.lift.geo.world import read_geo_test, read_switchback
from experiments.lift.refusal import LiftInputError
from simulator.world import World

__all__ = ["OwnGeoTest", "own_geo_tests"]


@dataclass(frozen=True)
class OwnGeoTest:
    """One of the scenario's geo tests.

    Attributes:
        name, channel, kind: as the scenario has them.
        test: what it found, by time-based regression or, on and off, by its blocks; None where it cannot be read.
        refusal: why it cannot be read.
    """

    name: str
    channel: str
    kind: str
    test: GeoLiftTest | None
    refusal: str = ""

    def to_frame(self) -> pd.DataFrame:
        """One row per level, or none."""
        rows = pd.DataFrame() if self.test is None else self.test.to_frame()
        for place, (column, value) in enumerate((("name", self.name), ("channel", self.channel), ("kind", self.kind))):
            rows.insert(place, column, value)
        return rows

    def summary(self) -> str:
        """What was tested and what it found."""
        found = f"it cannot be read: {self.refusal}." if self.test is None else self.test.summary()
        kind, channel = (word.replace("_", " ") for word in (self.kind, self.channel))
        return f"Geo test {self.name} ({channel}, {kind}): {found}"


def own_geo_tests(world: World) -> tuple[OwnGeoTest, ...]:
    """Every geo test of the scenario, read from its world by time-based regression, on/off tests by their blocks."""
    from experiments.lift.geo.tbr import time_based_regression

    found = []
    for name, given in world.scenario.geo_tests.items():
        test, refusal = None, ""
        try:
            if given.kind == "on_off":
                test = read_switchback(world, name)
            else:
                test = read_geo_test(world, name, time_based_regression)
        except LiftInputError as error:
            refusal = "; ".join(error.problems)
        found.append(OwnGeoTest(name, given.channel, given.kind, test, refusal))
    return tuple(found)
