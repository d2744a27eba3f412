"""Difference in differences: the treated geos' change against the control geos' change, in responses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cpalab.plugins import NameWithParameters
from cpalab.refusal import refuse
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.lift_estimate import LiftEstimate
from experiments.lift.estimate.welch import welch_lift
from experiments.lift.geo.incremental_cost import incremental_cost
from experiments.lift.geo.observed_total import observed_total_distribution
from experiments.lift.geo.panel import GeoExperiment
from experiments.lift.geo.result import GeoLiftTest, geo_lift_test

__all__ = ["DifferenceInDifferences", "difference_in_differences"]

# Welch's test needs so many geos in an arm.
FEWEST_GEOS = 3


@dataclass(frozen=True)
class DifferenceInDifferences:
    """Difference in differences: geos' changes by Welch's test, errors by geo; see `difference_in_differences`."""

    name: ClassVar[NameWithParameters] = NameWithParameters("did")

    def read(self, experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
        """The test by `difference_in_differences`."""
        return difference_in_differences(experiment, levels)


def difference_in_differences(experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
    """n_T·days·(Δ̄_T − Δ̄_C), Δ_g = geo g's mean response in the window minus its mean before the test.

    The geo is the unit of analysis (errors of a geo's days may be as alike as they like): Welch's test of the
    two sets of changes. One or two geos of an arm cannot show how they vary (Welch's 10 % tests of two treated geos reject
    15 % of the time); geos of both arms are then taken to vary alike, which is right where the treated were drawn at random.

    Args:
        experiment: the panel with its design.
        levels: confidence levels of the intervals that the table will show, such as 0.95 for 95 %.

    Raises:
        LiftInputError: fewer than four geos.
    """
    window = experiment.window
    days = window.stop - window.start
    response = experiment.panel.response
    change = response[:, window].mean(axis=1) - response[:, experiment.pre].mean(axis=1)
    arms = [ArmStatistics.from_values(change[chosen]) for chosen in (experiment.is_treated, ~experiment.is_treated)]
    treated, control = arms
    observed = float(response[experiment.is_treated, window].sum())
    notes = []
    if min(treated.users, control.users) >= FEWEST_GEOS:
        lift = welch_lift(treated, control)
        error, df = lift.standard_error, lift.df
    else:
        df = float(treated.users + control.users - 2)
        if df < 2:
            refuse(
                [f"geo: {treated.users + control.users} geos must be at least 4 to show how geos vary; add controls"]
            )
        spread = sum((arm.users - 1) * arm.variance for arm in arms if arm.users > 1) / df
        error = math.sqrt(spread * (1 / treated.users + 1 / control.users))
        notes.append("Fewer than three geos in an arm: geos of both arms are taken to vary alike.")
    scale = treated.users * days
    effect = (treated.mean - control.mean) * scale
    distribution = observed_total_distribution(effect, error * scale, df, observed, float(experiment.treated.sum()))
    before = response[experiment.is_treated, experiment.pre].mean(axis=1).sum()
    trend = experiment.control - experiment.control[:, experiment.pre].mean(axis=1, keepdims=True)
    return geo_lift_test(
        experiment,
        LiftEstimate(distribution),
        "difference_in_differences",
        "clustered_by_geo",
        levels,
        cost=incremental_cost(experiment),
        counterfactual=before + treated.users * np.mean(trend, axis=0),
        notes=notes,
    )
