"""Difference in differences: the treated geos' change against the control geos' change, in responses."""

import math
from collections.abc import Sequence

import numpy as np

from experiments.lift.arms import ArmStatistics
from experiments.lift.estimate import LiftEstimate, StudentLaw
from experiments.lift.geo.incremental_cost import incremental_cost
from experiments.lift.geo.panel import GeoExperiment
from experiments.lift.geo.result import GeoLiftTest, geo_lift_test
from experiments.lift.refusal import refuse
from experiments.lift.welch import welch_lift

__all__ = ["difference_in_differences"]


def difference_in_differences(experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
    """n_T·days·(Δ̄_T − Δ̄_C), Δ_g = geo g's mean response in the window minus its mean before the test.

    The geo is the unit of analysis (errors of a geo's days may be as alike as they like): Welch's test of the
    two sets of changes. With a single treated geo its error cannot be seen; it is taken to be that of the
    controls' changes, which is right where the treated geo was drawn at random.

    Raises:
        LiftInputError: a single treated geo with fewer than three controls.
    """
    window = experiment.window
    days = window.stop - window.start
    response = experiment.panel.response
    change = response[:, window].mean(axis=1) - response[:, experiment.pre].mean(axis=1)
    arms = [ArmStatistics.from_values(change[chosen]) for chosen in (experiment.is_treated, ~experiment.is_treated)]
    treated, control = arms
    observed = float(response[experiment.is_treated, window].sum())
    notes = []
    if treated.users > 1 and control.users > 1:
        lift = welch_lift(treated, control)
        error, df = lift.standard_error, lift.df
    else:
        if control.users < 3:
            refuse([f"control: {control.users} geos must be at least 3 for one treated geo; add controls"])
        error, df = math.sqrt(control.variance * (1 / treated.users + 1 / control.users)), control.users - 1.0
        notes.append("One treated geo: its error is taken to be that of a control geo.")
    scale = treated.users * days
    effect, error = (treated.mean - control.mean) * scale, error * scale
    known = 0 < error < math.inf
    law = StudentLaw(
        effect,
        error if known else math.inf,
        df if known else math.inf,
        observed - effect,
        error if known else 0.0,
        -(error**2) if known else 0.0,
    )
    before = response[experiment.is_treated, experiment.pre].mean(axis=1).sum()
    trend = experiment.control - experiment.control[:, experiment.pre].mean(axis=1, keepdims=True)
    return geo_lift_test(
        experiment,
        LiftEstimate(law),
        "difference_in_differences",
        "clustered_by_geo",
        levels,
        cost=incremental_cost(experiment),
        counterfactual=before + treated.users * np.mean(trend, axis=0),
        notes=notes,
    )
