"""Cost of a geo test beyond what the treated geos would have cost anyway, in units of money."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.lift.geo.panel import GeoExperiment

__all__ = ["IncrementalCost", "beyond_rounding", "incremental_cost"]

# Money that differs by less than this share of what was spent differs by rounding.
ROUNDING = 1e-9


def beyond_rounding(differences: NDArray[np.float64], spent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences of cost, with 0 for those that are rounding of what was spent; both of one shape, or broadcast."""
    return np.where(np.abs(differences) > ROUNDING * np.abs(spent).max(initial=0.0), differences, 0.0)


@dataclass(frozen=True, eq=False)
class IncrementalCost:
    """Incremental cost with its error.

    Attributes:
        cost: money spent in the treated geos during the test beyond the counterfactual; negative for go-dark.
        standard_error: 0 where the counterfactual cost is known to be nothing.
        weights: w of shape `(days,)` over pre-period and test with cost = Σ w_t·cost_t of the treated geos.
        residuals: of the regression before the test, of shape `(pre_days,)`.
        parameters: number of coefficients fitted to them.
    """

    cost: float
    standard_error: float
    weights: NDArray[np.float64]
    residuals: NDArray[np.float64]
    parameters: int


def incremental_cost(experiment: GeoExperiment) -> IncrementalCost | None:
    """Σ_test (C_t − Ĉ_t), where Ĉ predicts the treated geos' cost; None where the table has no cost.

    Ĉ is zero where nothing was spent before the test nor in the control: the cost is then known. Otherwise it
    is the regression of the treated on the control geos' cost before the test, or the treated geos' own mean
    where the control's cost does not vary.
    """
    if experiment.panel.cost is None:
        return None
    days = slice(0, experiment.test.stop)
    treated = experiment.panel.cost[experiment.is_treated, days].sum(axis=0)
    control = experiment.panel.cost[~experiment.is_treated, days].sum(axis=0)
    n = experiment.pre_days
    if not treated[:n].any() and not control.any():
        weights = np.concatenate([np.zeros(n), np.ones(experiment.test_days)])
        return IncrementalCost(float(treated[n:].sum()), 0.0, weights, np.zeros(n), 0)
    design = np.column_stack([np.ones(treated.size), control])
    if np.ptp(control[:n]) <= 1e-9 * max(1.0, abs(control[:n]).max()):
        design = design[:, :1]
    before, during = design[:n], design[n:].sum(axis=0)
    gram = np.linalg.inv(before.T @ before)
    weights = np.concatenate([-before @ gram @ during, np.ones(experiment.test_days)])
    residuals = treated[:n] - before @ (gram @ (before.T @ treated[:n]))
    parameters = design.shape[1]
    variance = float(residuals @ residuals) / max(1, n - parameters)
    error = math.sqrt(variance * float(weights @ weights))
    cost, smallest = float(weights @ treated), ROUNDING * float(np.abs(treated).sum())
    if error <= smallest:
        error, residuals = 0.0, np.zeros(n)
    return IncrementalCost(cost if max(abs(cost), error) > smallest else 0.0, error, weights, residuals, parameters)
