"""Geo-based regression: response per geo on its past and its incremental cost, in response per cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cpalab.plugins import NameWithParameters
from cpalab.refusal import refuse
from experiments.lift.estimate.lift_estimate import LiftEstimate
from experiments.lift.geo.fit import geo_fit
from experiments.lift.geo.incremental_cost import IncrementalCost, beyond_rounding
from experiments.lift.geo.observed_total import observed_total_distribution
from experiments.lift.geo.panel import GeoExperiment
from experiments.lift.geo.result import GeoLiftTest, geo_lift_test

__all__ = ["GeoBasedRegression", "GeoRegression", "geo_based_regression", "geo_regression"]

# Ratio of the spreads of treated and control geos, in proportion to their size, from which they are not taken as alike.
MOST_UNLIKE = 1.5
# Difference of the arms in size, in standard errors of one by chance, from which they are taken to differ.
MOST_APART = 3.0
# Bias of the effect, in standard errors, from which it is named.
MOST_BIAS = 0.5


@dataclass(frozen=True, eq=False)
class GeoRegression:
    """The regression over geos: constant, slope on the past, response per unit of the dose.

    Attributes:
        coefficients, standard_errors: each of shape `(3,)`, in that order.
        df: geos less coefficients.
    """

    coefficients: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    df: int


def geo_regression(
    before: NDArray[np.float64], during: NDArray[np.float64], dose: NDArray[np.float64]
) -> GeoRegression:
    """Least squares of response during the test on (1, response before, dose), weights 1/before²; all of shape `(G,)`.

    Raises:
        LiftInputError: geos whose response before the test does not differ beyond the dose.
    """
    design = np.column_stack([np.ones(before.size), before, dose]) / before[:, None]
    # In units of each column, or the reciprocals of large responses would seem to be none.
    if np.linalg.matrix_rank(design / np.abs(design).max(axis=0)) < design.shape[1]:
        refuse(["response: it must differ between geos before the test, beyond their cost; use did"])
    gram = np.linalg.inv(design.T @ design)
    coefficients = gram @ (design.T @ (during / before))
    residuals = during / before - design @ coefficients
    df = before.size - design.shape[1]
    return GeoRegression(coefficients, np.sqrt(residuals @ residuals / df * np.diag(gram)), df)


@dataclass(frozen=True)
class GeoBasedRegression:
    """Geo-based regression: response per geo on its past and its incremental cost; see `geo_based_regression`."""

    name: ClassVar[NameWithParameters] = NameWithParameters("gbr")

    def read(self, experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
        """The test by `geo_based_regression`."""
        return geo_based_regression(experiment, levels)


def geo_based_regression(experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
    """y_g = β₀ + β₁·x_g + β₂·d_g + ε_g with weights 1/x_g², y the response in the window and x before.

    The weights are those of errors in proportion to the size of a geo.

    d is the incremental cost of the geo: its cost in the test beyond its cost before (zero in the control),
    or, where controls were advertised too, beyond what the controls' regression of cost on past cost
    predicts. β₂ is the return on ad spend and β₂·Σd the incremental response. Without cost d is x of the
    treated geos, and β₂ the relative effect.

    Args:
        experiment: the panel with its design.
        levels: confidence levels of the intervals that the table will show, such as 0.95 for 95 %.

    Raises:
        LiftInputError: fewer than five geos, geos without response before the test, or no treated geo whose
            advertising differs.

    Source: Vaver and Koehler (2011), "Measuring ad effectiveness using geo experiments", Google.

    Example:
        >>> from experiments.lift import geo_based_regression
        >>> from experiments.lift.testing import example_experiment
        >>> test = geo_based_regression(example_experiment(lift=0.3))
        >>> round(test.lift.relative_lift, 1), test.p_value < 0.05
        (0.3, True)
    """
    response, treated = experiment.panel.response, experiment.is_treated
    before = response[:, experiment.pre].sum(axis=1)
    during = response[:, experiment.window].sum(axis=1)
    dose, cost = _dose(experiment, before)
    problems = []
    if before.size < 5:
        problems.append(f"geo: {before.size} geos must be at least 5 for a regression over geos; use tbr")
    silent = [geo for geo, x in zip(experiment.panel.geos, before, strict=True) if not x > 0]
    if silent:
        problems.append(
            f"response: {len(silent)} geos have none before the test and must have some; leave out {silent[0]} …"
        )
    if not dose.any():
        problems.append(
            "cost: no treated geo's cost changed; nothing was tested. If the cost is not known, leave the column out"
        )
    refuse(problems)
    fitted = geo_regression(before, during, dose)
    total = float(dose.sum())
    error = abs(total) * float(fitted.standard_errors[2])
    effect = float(fitted.coefficients[2]) * total
    observed = float(during[treated].sum())
    distribution = observed_total_distribution(effect, error, fitted.df, observed, float(experiment.treated.sum()))
    return geo_lift_test(
        experiment,
        LiftEstimate(distribution),
        "geo_based_regression",
        "weighted_least_squares",
        levels,
        cost=cost,
        notes=_unlike_notes(experiment, fitted, before, during, dose),
        fit=geo_fit(experiment),
    )


def _unlike_notes(
    experiment: GeoExperiment,
    fitted: GeoRegression,
    before: NDArray[np.float64],
    during: NDArray[np.float64],
    dose: NDArray[np.float64],
) -> list[str]:
    """What is said where treated geos are unlike the controls in a way that the regression takes for an effect.

    - Sizes that hardly differ within an arm, beyond the noise of their past: the slope is too flat by δ = Σw²s²/Σw²r², with
      s² the variance of a geo's past and r what the dose leaves of it; the effect is off by δ·β₁·γ, γ the slope of x on d.
    - Treated geos that vary more in proportion to their size: the weights take the proportion for one.
    """
    rows, treated = experiment.panel.response[:, experiment.pre], experiment.is_treated
    shares = rows / rows.mean(axis=1, keepdims=True)
    noise = (shares - np.median(shares, axis=0)).var(axis=1)
    weighted = np.column_stack([np.ones(before.size), dose]) / before[:, None]
    on_dose = np.linalg.lstsq(weighted, np.ones(before.size), rcond=None)[0]
    left = max(float(((1 - weighted @ on_dose) ** 2).sum()), np.finfo(float).tiny)
    flat = min(1.0, float(noise.sum()) / rows.shape[1] / left)
    growth = float(during[~treated].sum() / before[~treated].sum())
    # Arms drawn at random differ in size by chance, and a slope flattened by chance is right for chance.
    apart = abs(float(on_dose[1])) / float(np.sqrt(left / fitted.df * np.linalg.inv(weighted.T @ weighted)[1, 1]))
    notes = []
    if apart > MOST_APART and abs(flat * growth * float(on_dose[1])) > MOST_BIAS * float(fitted.standard_errors[2]):
        notes.append(
            "Treated and control geos differ in size, and within the arms sizes hardly differ beyond chance: the slope on "
            "the past is too flat, and part of the effect is that of size. Use did or synthetic_control."
        )
    of_treated, of_control = (float(np.sqrt(noise[arm].mean())) for arm in (treated, ~treated))
    if of_treated > MOST_UNLIKE * of_control:
        times = f"{of_treated / of_control:z.1f} times as much" if of_control > 0 else "more"
        notes.append(
            f"Treated geos vary {times} in proportion to their size as control geos, which the weights of geo-based "
            "regression take to vary alike: the interval is too narrow. Use did or synthetic_control."
        )
    return notes


def _dose(experiment: GeoExperiment, before: NDArray[np.float64]) -> tuple[NDArray[np.float64], IncrementalCost | None]:
    """The regressor of the effect per geo, and the incremental cost where there is any."""
    treated = experiment.is_treated
    spent = experiment.panel.cost
    if spent is None:
        return np.where(treated, before, 0.0), None
    past, now = spent[:, experiment.pre].sum(axis=1), spent[:, experiment.test].sum(axis=1)
    if not past.any() and not now[~treated].any():
        dose = np.where(treated, now, 0.0)
    elif np.ptp(past[~treated]) > 0 and (~treated).sum() > 2:
        slope, constant = np.polyfit(past[~treated], now[~treated], 1)
        dose = np.where(treated, now - constant - slope * past, 0.0)
    else:
        dose = np.where(treated, now - now[~treated].mean(), 0.0)
    dose = beyond_rounding(dose, np.concatenate([past, now]))
    # The regression takes the dose as given, and so does the price.
    none = np.zeros(0)
    return dose, IncrementalCost(float(dose.sum()), 0.0, none, none, 0)
