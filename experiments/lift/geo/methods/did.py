"""Difference in differences: the treated geos' change against the control geos' change, in units of each one's past."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cpalab.plugins import NameWithParameters
from cpalab.refusal import refuse
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution, significance
from experiments.lift.estimate.welch import satterthwaite_df
from experiments.lift.geo.fit import geo_fit
from experiments.lift.geo.incremental_cost import incremental_cost
from experiments.lift.geo.observed_total import observed_total_distribution
from experiments.lift.geo.panel import GeoExperiment, Scaling, with_lift
from experiments.lift.geo.result import GeoLiftTest, geo_lift_test

__all__ = ["ChangeByGeos", "DifferenceInDifferences", "change_by_geos", "difference_in_differences"]

# Each arm needs so many geos, and so many of equal weight, to show how its geos vary.
FEWEST_GEOS = 3
FEWEST_EQUAL_GEOS = 2.0


@dataclass(frozen=True)
class DifferenceInDifferences:
    """Difference in differences: geos' growth against each other, errors by geo; see `difference_in_differences`.

    Attributes:
        scaling: `relative` (growths) or `additive`.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("did")
    scaling: Scaling = "relative"

    def read(self, experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
        """The test by `difference_in_differences`."""
        return difference_in_differences(experiment, levels, scaling=self.scaling)

    def found_with_lifts(
        self, experiment: GeoExperiment, lifts: Sequence[float], level: float
    ) -> tuple[list[bool], float]:
        """Which of the lifts the test would find, and the relative lift it reads without one: no series, cost or fit."""
        refuse(_problems(experiment, self.scaling))
        found, error = [], math.nan
        for lift in lifts:
            estimate = LiftEstimate(change_by_geos(with_lift(experiment, lift), self.scaling).distribution)
            found.append(estimate.p_value() < significance(level))
            error = estimate.relative_lift if lift == 0 else error
        return found, error


def difference_in_differences(
    experiment: GeoExperiment,
    levels: Sequence[float] = (0.90, 0.95),
    *,
    scaling: Scaling = "relative",
) -> GeoLiftTest:
    """Y_T − X_T·(Y_C/X_C), x a geo's response per day before the test and y in the window, X and Y their sums over an arm.

    The treated geos would have grown as the control did. The geo is the unit of analysis (errors of a geo's days may be as
    alike as they like): with e_g = y_g − x_g·(Y/X of its arm) the variance is Σ_T e²·k/(k−1) + (X_T/X_C)²·Σ_C e²·k/(k−1), k =
    X²/Σx² geos of equal weight, and Student's df are Satterthwaite's of k − 1 each. One or two geos of an arm cannot show how
    they vary; growths y_g/x_g of both arms are then taken to vary alike.

    `additive` scaling has Y_T − X_T − n_T·(Ȳ_C − X̄_C) instead, with x = 1 in what weighs a geo: right only where geos of
    unlike size gain and lose the same number of responses, which small and large markets do not.

    Args:
        experiment: the design.
        levels: confidence levels to report.
        scaling: `relative` or `additive`.

    Raises:
        LiftInputError: fewer than four geos, no response before the test in an arm.

    Source: the ratio estimator of Cochran (1977), "Sampling techniques", chapter 6.

    Example:
        >>> from experiments.lift import difference_in_differences
        >>> from experiments.lift.testing import example_experiment
        >>> test = difference_in_differences(example_experiment(lift=0.3))
        >>> round(test.lift.relative_lift, 1), test.p_value < 0.05
        (0.3, True)
    """
    refuse(_problems(experiment, scaling))
    treated = experiment.is_treated
    past = experiment.panel.response[:, experiment.pre].mean(axis=1)
    change = change_by_geos(experiment, scaling)
    notes = []
    if change.borrowed:
        notes.append("Fewer than three geos of like weight in an arm: geos of both arms are taken to vary alike.")
    sizes = past[treated].mean(), past[~treated].mean()
    if scaling == "additive" and max(sizes) > 1.5 * min(sizes):
        notes.append(
            "Additive scaling adds responses of geos of unlike size: where the market grows or shrinks, the difference in "
            "size is read as an effect. Relative scaling is safe from this."
        )
    counterfactual = _counterfactual(experiment, scaling)
    return geo_lift_test(
        experiment,
        LiftEstimate(change.distribution),
        "difference_in_differences",
        "clustered_by_geo",
        levels,
        cost=incremental_cost(experiment),
        counterfactual=counterfactual,
        notes=notes,
        fit=geo_fit(experiment, counterfactual, lambda earlier: _counterfactual(earlier, scaling)),
    )


def _problems(experiment: GeoExperiment, scaling: Scaling) -> list[str]:
    problems, treated = [], experiment.is_treated
    if treated.size < 4:
        problems.append(f"geo: {treated.size} geos must be at least 4 to show how geos vary; add controls")
    past = experiment.panel.response[:, experiment.pre].mean(axis=1)
    for arm, chosen in (("treated", treated), ("control", ~treated)):
        if scaling == "relative" and not past[chosen].sum() > 0:
            problems.append(f"{arm}: response before the test must be positive to grow from; use additive scaling")
    return problems


@dataclass(frozen=True)
class ChangeByGeos:
    """The effect over the window in responses, and whether geos of both arms were taken to vary alike."""

    distribution: StudentDistribution
    borrowed: bool


def change_by_geos(experiment: GeoExperiment, scaling: Scaling = "relative") -> ChangeByGeos:
    """The estimate of `difference_in_differences` alone, without series, cost and fit."""
    response, treated = experiment.panel.response, experiment.is_treated
    past, now = response[:, experiment.pre].mean(axis=1), response[:, experiment.window].mean(axis=1)
    observed = float(now[treated].sum())
    if scaling == "additive":
        past, now = np.ones(past.size), now - past
    growth = np.where(treated, now[treated].sum() / past[treated].sum(), now[~treated].sum() / past[~treated].sum())
    left = now - growth * past
    reach = np.where(treated, 1.0, past[treated].sum() / past[~treated].sum())
    effect = float(now[treated].sum() - past[treated].sum() * growth[~treated][0])
    alike = [past[arm].sum() ** 2 / float(past[arm] @ past[arm]) for arm in (treated, ~treated)]
    counts = [int(treated.sum()), int((~treated).sum())]
    borrowed = min(counts) < FEWEST_GEOS or min(alike) <= FEWEST_EQUAL_GEOS
    if borrowed:
        grows = past > 0
        df = float(grows.sum() - (grows & treated).any() - (grows & ~treated).any())
        spread = float(((left[grows] / past[grows]) ** 2).sum()) / max(1.0, df)
        variance = spread * float(((past * reach) ** 2).sum())
    else:
        each = [
            float(((left * reach)[arm] ** 2).sum()) * k / (k - 1)
            for arm, k in zip((treated, ~treated), alike, strict=True)
        ]
        variance = sum(each)
        df = satterthwaite_df(each[0], alike[0], each[1], alike[1]) if variance > 0 else 1.0
    days = experiment.window.stop - experiment.window.start
    return ChangeByGeos(
        observed_total_distribution(
            effect * days, math.sqrt(variance) * days, max(1.0, df), observed * days, float(experiment.treated.sum())
        ),
        borrowed,
    )


def _counterfactual(experiment: GeoExperiment, scaling: Scaling) -> NDArray[np.float64]:
    """The treated geos' level before the test with the control's daily growth, or its daily gain per geo."""
    before = float(experiment.treated[:, experiment.pre].mean(axis=1).sum())
    control = experiment.control.sum(axis=0)
    level = float(control[experiment.pre].mean())
    if scaling == "relative":
        return np.asarray(before * control / level)
    return np.asarray(before + len(experiment.treated) / len(experiment.control) * (control - level))
