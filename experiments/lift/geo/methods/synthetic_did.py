"""Synthetic difference in differences: control geos and days before the test weighed, changes compared, in responses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cpalab.plugins import NameWithParameters
from cpalab.refusal import refuse
from experiments.lift.estimate.lift_estimate import LiftEstimate
from experiments.lift.geo.incremental_cost import incremental_cost
from experiments.lift.geo.methods.synthetic_control import (
    ScaledPanel,
    scaled_panel,
    scaling_problems,
    simplex_weights,
)
from experiments.lift.geo.observed_total import observed_total_distribution
from experiments.lift.geo.panel import GeoExperiment, Scaling
from experiments.lift.geo.result import GeoLiftTest, geo_lift_test

__all__ = ["SyntheticDid", "SyntheticDidWeights", "synthetic_did_weights", "synthetic_difference_in_differences"]

Series = NDArray[np.float64]
# So many sets of control geos take the part of the treated ones, always the same.
PLACEBOS, SEED = 100, 2021
# As many controls as make a spread worth the name.
FEWEST_CONTROLS = 4
# λ is all but free of a penalty: it only makes the solution one.
TIME_PENALTY = 1e-6


@dataclass(frozen=True, eq=False)
class SyntheticDidWeights:
    """Weights ω of the control geos `(controls,)` and λ of the days before the test `(pre_days,)`, each summing to 1."""

    geos: Series
    days: Series

    def gap(self, target: Series, controls: Series) -> Series:
        """(y_t − λ·y) − ω·(x_t − λ·x), the effect of each day t, of shape `(days,)`."""
        n = self.days.size
        left = target - self.geos @ controls
        return np.asarray(left - self.days @ left[:n])


@dataclass(frozen=True)
class SyntheticDid:
    """Synthetic difference in differences: geos and days before the test weighed; see that function.

    Attributes:
        scaling: `relative` (growths) or `additive`.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("synthetic_did")
    scaling: Scaling = "relative"

    def read(self, experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
        """The test by `synthetic_difference_in_differences`."""
        return synthetic_difference_in_differences(experiment, levels, scaling=self.scaling)


def synthetic_did_weights(controls: Series, target: Series, pre_days: int, treated_geos: int) -> SyntheticDidWeights:
    """ω and λ: each on the simplex, with an intercept of its own.

    ω least of ‖y − ω₀ − ω·X‖² + ζ²·T₀·‖ω‖² before the test, ζ = (N_T·T₁)^¼·σ, σ the standard deviation of the controls' daily
    changes; λ least of ‖x̄_after − λ₀ − X_before·λ‖² over the control geos.

    Args:
        controls: X of shape `(controls, days)`.
        target: y of shape `(days,)`, the mean of the treated geos.
        pre_days: T₀.
        treated_geos: N_T.

    Source: Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), "Synthetic difference-in-differences", American
    Economic Review 111(12), algorithm 1.
    """
    before, after = controls[:, :pre_days], controls[:, pre_days:]
    sigma = float(np.std(np.diff(before, axis=1), ddof=1))
    zeta = (treated_geos * after.shape[1]) ** 0.25 * sigma
    centred = before - before.mean(axis=1, keepdims=True)
    penalty = zeta * math.sqrt(pre_days) * np.eye(len(controls))
    y = target[:pre_days] - target[:pre_days].mean()
    geos = simplex_weights(np.concatenate([y, np.zeros(len(controls))]), np.hstack([centred, penalty]))
    by_geo = before - before.mean(axis=0)
    aim = after.mean(axis=1) - after.mean()
    small = TIME_PENALTY * sigma * math.sqrt(len(controls)) * np.eye(pre_days)
    days = simplex_weights(np.concatenate([aim, np.zeros(pre_days)]), np.hstack([by_geo.T, small]))
    return SyntheticDidWeights(geos, days)


def synthetic_difference_in_differences(
    experiment: GeoExperiment,
    levels: Sequence[float] = (0.90, 0.95),
    *,
    scaling: Scaling = "relative",
) -> GeoLiftTest:
    """Σ_window [(y_t − Σ_s λ_s·y_s) − Σ_j ω_j·(x_jt − Σ_s λ_s·x_js)], y and x as in `synthetic_control`.

    Geos that moved as the treated ones did weigh more, and so do days before the test that were like those in it; levels may
    differ. The standard error is the spread of the same reading of random sets of control geos in the part of the treated
    ones (the authors' placebo variance), with as many degrees of freedom as there are controls, less one.

    Args:
        experiment: the design.
        levels: confidence levels to report.
        scaling: `relative` growths, or `additive` responses per geo (the authors').

    Raises:
        LiftInputError: fewer than four control geos, or no more than were treated; no response before the test.

    Source: see `synthetic_did_weights`; algorithm 4 for the placebo variance.

    Example:
        >>> from experiments.lift import synthetic_difference_in_differences
        >>> from experiments.lift.testing import example_experiment
        >>> test = synthetic_difference_in_differences(example_experiment(lift=0.3, treated=4))
        >>> round(test.lift.relative_lift, 1), test.p_value < 0.05
        (0.3, True)
    """
    problems, geos = scaling_problems(experiment, scaling), len(experiment.treated)
    if not problems and len(experiment.control) < max(FEWEST_CONTROLS, geos + 1):
        problems.append(
            f"control: {len(experiment.control)} geos must be at least {max(FEWEST_CONTROLS, geos + 1)}, more than were "
            "treated, to show how this reading errs; use did"
        )
    refuse(problems)
    n, panel = experiment.pre_days, scaled_panel(experiment, scaling)
    weights = synthetic_did_weights(panel.controls, panel.target, n, geos)
    total = experiment.treated.sum(axis=0)
    gap = panel.unit * weights.gap(panel.target, panel.controls)
    effect = float(gap[n:].sum())
    errors = panel.unit * _placebo_errors(panel, n)
    error = float(np.std(errors, ddof=1))
    df = float(len(panel.controls) - 1)
    distribution = observed_total_distribution(effect, error, df, float(total[n:].sum()), float(total.sum()))

    def counterfactual_of(earlier: GeoExperiment) -> Series:
        past = scaled_panel(earlier, scaling)
        again = synthetic_did_weights(past.controls, past.target, earlier.pre_days, geos)
        return np.asarray(earlier.treated.sum(axis=0) - past.unit * again.gap(past.target, past.controls))

    counterfactual = total - gap
    return geo_lift_test(
        experiment,
        LiftEstimate(distribution),
        "synthetic_difference_in_differences",
        "placebo",
        levels,
        cost=incremental_cost(experiment),
        counterfactual=counterfactual,
        fit=panel.fit(experiment, counterfactual, counterfactual_of, weights.geos),
    )


def _placebo_errors(panel: ScaledPanel, pre_days: int) -> Series:
    """Sums over the window where nothing was tested, in units of the target, of shape `(placebos,)`."""
    number, size = len(panel.controls), panel.geos
    rng = np.random.default_rng(SEED)
    sets = np.arange(number)[:, None] if size == 1 else rng.random((PLACEBOS, number)).argsort(axis=1)[:, :size]
    errors = []
    for chosen in sets:
        rest = np.delete(panel.controls, chosen, axis=0)
        target = panel.controls[chosen].mean(axis=0)
        weights = synthetic_did_weights(rest, target, pre_days, size)
        errors.append(float(weights.gap(target, rest)[pre_days:].sum()))
    return np.array(errors)
