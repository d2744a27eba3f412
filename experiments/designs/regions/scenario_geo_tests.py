"""The geo tests that a scenario runs itself, read from its world beside their truth: conversions and money per test."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.micros import MICROS
from cpalab.refusal import LiftInputError
from cpalab.result import Result
from experiments.designs.regions.geo_books import experiment_of, read_switchback, world_panel
from experiments.designs.regions.geo_truth import GeoTestTruth, geo_test_truth
from experiments.lift.geo.panel import GeoExperiment, GeoPanel
from experiments.lift.geo.result import GeoLiftTest
from simulator.market.geo_tests import on_off_blocks
from simulator.world import World

__all__ = ["NO_SPEND_CHANGED", "OwnGeoTest", "own_geo_tests"]

NO_SPEND_CHANGED = "The test changed no spend: what binds it (budget, bids or auctions) was left as it was."


@dataclass(frozen=True, eq=False)
class OwnGeoTest(Result):
    """One of the scenario's geo tests.

    Attributes:
        name, channel, kind: as the scenario has them.
        test: what it found, by time-based regression or, on and off, by its blocks; None where it cannot be read.
        truth: what it changed, by twin world.
        days: plot-ready frame, one row per day up to the end of the test: `day` (of the run, from 0), `period` (pre, test,
            cooldown; of an on/off test pre, on, off), `observed` and `counterfactual` conversions and the channel's
            `cost`, all of the treated geos; without a counterfactual where the method has none.
        refusal: why it cannot be read.
    """

    name: str
    channel: str
    kind: str
    test: GeoLiftTest | None
    truth: GeoTestTruth
    days: pd.DataFrame = field(default_factory=pd.DataFrame)
    refusal: str = ""

    def to_frame(self) -> pd.DataFrame:
        """One row per level, or none; the truth in its last columns."""
        rows = pd.DataFrame() if self.test is None else self.test.to_frame()
        for place, (column, value) in enumerate((("name", self.name), ("channel", self.channel), ("kind", self.kind))):
            rows.insert(place, column, value)
        change = self.truth.change
        return rows.assign(
            true_cost=change.cost_micros / MICROS,
            true_incremental_conversions=change.incremental_conversions,
            true_cost_per_incremental_conversion=self.truth.of_ads.cost_per_incremental_conversion,
        )

    def summary(self) -> str:
        """What was tested, what it found, and what is true."""
        found = f"it cannot be read: {self.refusal}." if self.test is None else self.test.summary()
        kind, channel = (word.replace("_", " ") for word in (self.kind, self.channel))
        change = self.truth.change
        true = f"Truly {change.incremental_conversions:,} conversions for {change.cost_micros / MICROS:z,.2f}."
        if change.cost_micros == 0:
            true += f" {NO_SPEND_CHANGED}"
        return f"Geo test {self.name} ({channel}, {kind}): {found} {true}"


def own_geo_tests(world: World, threads: int = 1) -> tuple[OwnGeoTest, ...]:
    """Every geo test of the scenario, read from its world by time-based regression, on/off tests by their blocks."""
    return tuple(
        _read_on_off(world, name, threads) if given.kind == "on_off" else _read(world, name, threads)
        for name, given in world.scenario.geo_tests.items()
    )


def _read(world: World, name: str, threads: int) -> OwnGeoTest:
    from experiments.lift.geo.methods.tbr import time_based_regression

    given = world.scenario.geo_tests[name]
    experiment, test, refusal = None, None, ""
    try:
        experiment = experiment_of(world, name)
        test = time_based_regression(experiment)
    except LiftInputError as error:
        refusal = "; ".join(error.lines)
    days = pd.DataFrame() if experiment is None else _days(experiment, test)
    truth = geo_test_truth(world, name, threads=threads)
    return OwnGeoTest(name, given.channel, given.kind, test, truth, days, refusal)


def _cost_of(panel: GeoPanel) -> NDArray[np.float64]:
    """What was paid, (geos, days); nothing where the panel does not tell."""
    return np.zeros_like(panel.response) if panel.cost is None else panel.cost


def _days(experiment: GeoExperiment, test: GeoLiftTest | None) -> pd.DataFrame:
    days, panel = experiment.everything, experiment.panel
    frame = pd.DataFrame(
        {
            "day": np.arange(days.stop),
            "period": ["pre"] * experiment.pre_days
            + ["test"] * experiment.test_days
            + ["cooldown"] * experiment.cooldown_days,
            "observed": experiment.treated.sum(axis=0),
            "counterfactual": np.nan,
            "cost": _cost_of(panel)[experiment.is_treated, days].sum(axis=0),
        }
    )
    return frame if test is None else frame.assign(counterfactual=test.series["counterfactual"].to_numpy())


def _read_on_off(world: World, name: str, threads: int) -> OwnGeoTest:
    given, test, refusal = world.scenario.geo_tests[name], None, ""
    try:
        test = read_switchback(world, name)
    except LiftInputError as error:
        refusal = "; ".join(error.lines)
    panel = world_panel(world, given.channel)
    period = ["pre"] * given.start_day
    for first, last, is_on in on_off_blocks(world.scenario, name):
        period += ["on" if is_on else "off"] * (last - first)
    end = len(period)
    days = pd.DataFrame(
        {
            "day": np.arange(end),
            "period": period,
            "observed": panel.response[:, :end].sum(axis=0),
            "counterfactual": np.nan,
            "cost": _cost_of(panel)[:, :end].sum(axis=0),
        }
    )
    truth = geo_test_truth(world, name, threads=threads)
    return OwnGeoTest(name, given.channel, given.kind, test, truth, days, refusal)
