"""Time-based regression: the treated geos' total predicted from the control geos' total, in responses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from cpalab.plugins import NameWithParameters
from cpalab.refusal import refuse
from experiments.lift.estimate.lift_estimate import LiftEstimate, significance
from experiments.lift.geo.daily_series import DailyErrors
from experiments.lift.geo.fit import geo_fit
from experiments.lift.geo.incremental_cost import IncrementalCost, incremental_cost
from experiments.lift.geo.methods.conformal import block_conformal_distribution
from experiments.lift.geo.methods.lifted import found_by_reading
from experiments.lift.geo.methods.placebo_geos import placebo_inflation, shared_slope
from experiments.lift.geo.observed_total import observed_total_distribution
from experiments.lift.geo.panel import GeoExperiment
from experiments.lift.geo.result import GeoLiftTest, geo_lift_test

__all__ = ["TbrErrors", "TimeBasedRegression", "TimeRegression", "time_based_regression", "time_regression"]

TbrErrors = Literal["calibrated", "autoregressive", "independent", "block_conformal"]

RESTS_ON_THE_PAST = (
    "Errors rest on the days before the test alone: in public panels without any effect such 95% tests raise a false alarm "
    "in 10 to 30%. The inference calibrated, which asks the control geos too, keeps to 5%."
)
FEW_CONTROLS = (
    "Fewer than four control geos cannot show what this reading does where nothing was tested: the error rests on the days "
    "before the test alone, and is too small on most real panels."
)
# Beyond this a series of a few months cannot be told from a random walk, and no variance is known.
HIGHEST_AUTOCORRELATION = 0.98


@dataclass(frozen=True, eq=False)
class TimeRegression:
    """A regression fitted before the test, whose forecast errors sum to the effect.

    Attributes:
        design: regressors of shape `(days, k)`.
        counterfactual: fitted and forecast response, of shape `(days,)`.
        weights: w of shape `(days,)` with effect = Σ w_t·y_t for the slope of least squares.
        effect: sum of response − forecast over the window.
        residuals: before the test, of shape `(pre_days,)`.
    """

    design: NDArray[np.float64]
    counterfactual: NDArray[np.float64]
    weights: NDArray[np.float64]
    effect: float
    residuals: NDArray[np.float64]

    @property
    def df(self) -> int:
        """Days before the test less coefficients."""
        return int(self.residuals.size) - int(self.design.shape[1])

    def independent_errors(self) -> tuple[float, float]:
        """Standard error of the effect and its df: s²·Σw², exact for independent normal errors."""
        variance = float(self.residuals @ self.residuals) / self.df
        return math.sqrt(variance * float(self.weights @ self.weights)), float(self.df)

    def daily_errors(self, errors: Literal["autoregressive", "independent"]) -> DailyErrors:
        """Λ = σ²·WΩW′ of the daily effects, row s of W the weights of day s: their sum is `weights`."""
        n = self.residuals.size
        before, after = self.design[:n], self.design[n:]
        each = np.hstack([-after @ np.linalg.inv(before.T @ before) @ before.T, np.eye(len(after))])
        if errors == "independent":
            variance = float(self.residuals @ self.residuals) / self.df
            return DailyErrors(variance * each @ each.T, float(self.df))
        omega, variance, df = self._autoregressive
        return DailyErrors(variance * each @ omega @ each.T, df)

    def autoregressive_errors(self) -> tuple[float, float]:
        """Standard error √(σ²·w′Ωw) under errors with Ω_ts = ρ^|t−s|, and Satterthwaite's df.

        ρ maximises the restricted likelihood; σ² = e′e / tr(MΩ) is unbiased given ρ, with df =
        tr(MΩ)² / tr((MΩ)²), where M is the residual maker of the regression.
        """
        omega, variance, df = self._autoregressive
        return math.sqrt(variance * float(self.weights @ omega @ self.weights)), df

    @cached_property
    def _autoregressive(self) -> tuple[NDArray[np.float64], float, float]:
        """Ω of shape `(days, days)`, σ² and df."""
        n = self.residuals.size
        rho = _restricted_maximum_likelihood(self.design[:n], self.residuals)
        days = np.arange(self.weights.size)
        omega = rho ** np.abs(days[:, None] - days)
        before = self.design[:n]
        maker = np.eye(n) - before @ np.linalg.pinv(before)
        spread = maker @ omega[:n, :n]
        trace = float(np.trace(spread))
        variance = float(self.residuals @ self.residuals) / trace
        return omega, variance, max(1.0, trace**2 / float(np.sum(spread * spread.T)))


def time_regression(response: NDArray[np.float64], design: NDArray[np.float64], pre_days: int) -> TimeRegression:
    """Least squares on the first `pre_days` days, forecast for the rest.

    Args:
        response: of shape `(days,)`.
        design: regressors of shape `(days, k)`.
        pre_days: number of days before the test.

    Raises:
        LiftInputError: fewer than k + 2 days, or regressors that do not vary before the test.
    """
    before, after = design[:pre_days], design[pre_days:]
    k = design.shape[1]
    if pre_days < k + 2:
        refuse([f"pre_days: {pre_days} must be at least {k + 2}; start the table earlier"])
    if np.linalg.matrix_rank(before) < k:
        refuse(["control: its response before the test must vary; use more geos or difference in differences"])
    gram = np.linalg.inv(before.T @ before)
    coefficients = gram @ (before.T @ response[:pre_days])
    weights = np.concatenate([-before @ (gram @ after.sum(axis=0)), np.ones(len(after))])
    counterfactual = design @ coefficients
    residuals = (response - counterfactual)[:pre_days]
    effect = float((response - counterfactual)[pre_days:].sum())
    return TimeRegression(design, counterfactual, weights, effect, residuals)


@dataclass(frozen=True)
class TimeBasedRegression:
    """Time-based regression: the treated geos' total on the control geos' total; see `time_based_regression`.

    Attributes:
        errors: how they are judged: `calibrated` on control geos too, `autoregressive`, `independent` (as published) or
            `block_conformal`.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("tbr")
    errors: TbrErrors = "calibrated"

    def read(self, experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
        """The test by `time_based_regression`."""
        return time_based_regression(experiment, levels, errors=self.errors)

    def found_with_lifts(
        self, experiment: GeoExperiment, lifts: Sequence[float], level: float
    ) -> tuple[list[bool], float]:
        """Which of the lifts the test would find, and the relative lift it reads without one: the model is fitted once.

        A lift moves the effect by lift·Σ y of the window, and nothing of what was fitted before the test.
        """
        if self.errors == "block_conformal":
            return found_by_reading(self, experiment, lifts, level)
        estimate = _judged(experiment, self.errors).estimate
        observed, response = (
            float(experiment.treated[:, days].sum()) for days in (experiment.window, experiment.everything)
        )
        moved = [
            observed_total_distribution(
                estimate.difference + lift * observed, estimate.standard_error, estimate.df,
                (1 + lift) * observed, response,
            )
            for lift in lifts
        ]  # fmt: skip
        found = [LiftEstimate(each).p_value() < significance(level) for each in moved]
        return found, estimate.relative_lift


def time_based_regression(
    experiment: GeoExperiment,
    levels: Sequence[float] = (0.90, 0.95),
    *,
    errors: TbrErrors = "calibrated",
) -> GeoLiftTest:
    """y_t = α + β·x_t + ε_t before the test, y the treated and x the control geos' total; effect Σ (y − ŷ).

    Args:
        experiment: the design.
        levels: confidence levels to report.
        errors: `calibrated` (default) gives β what the control's own noise took from it (see `shared_slope`), and widens
            the error to what the same reading does where nothing was tested: control geos in the part of the treated ones
            (`placebo_inflation`). The others are least squares and rest on the days before the test alone:
            `autoregressive` lets errors of neighbouring days be alike; `independent` is the published method, and its
            intervals are far too narrow where they are not (a 90 % interval covers 60 % at an autocorrelation of 0.6).
            `block_conformal` permutes blocks of days and assumes only that they are exchangeable; it needs 1/(1 − level)
            days.

    Raises:
        LiftInputError: too few days, or a control without variation.

    Source: Kerman, Wang and Vaver (2017), "Estimating ad effectiveness using geo experiments in a time-based
    regression framework", Google.

    Example:
        >>> from experiments.lift import time_based_regression
        >>> from experiments.lift.testing import example_experiment
        >>> test = time_based_regression(example_experiment(lift=0.3))
        >>> round(test.lift.relative_lift, 1), test.p_value < 0.05
        (0.3, True)
    """
    treated, n = experiment.treated.sum(axis=0), experiment.pre_days
    design, cost = _design(experiment), incremental_cost(experiment)
    judged = _judged(experiment, errors)
    fitted, estimate = judged.fitted, judged.estimate
    covariance, daily_errors = 0.0, None
    if errors != "block_conformal":
        covariance = _covariance(fitted, cost, estimate.standard_error)
        if math.isfinite(estimate.standard_error):
            days = fitted.daily_errors("independent" if errors == "independent" else "autoregressive")
            daily_errors = DailyErrors(judged.widened**2 * days.covariance, estimate.df)
    slope = float(np.polyfit(design[:n, 1], treated[:n], 1)[0])
    return geo_lift_test(
        experiment,
        estimate,
        "time_based_regression",
        errors,
        levels,
        cost=cost,
        covariance=covariance,
        counterfactual=fitted.counterfactual,
        daily_errors=daily_errors,
        notes=judged.notes,
        fit=geo_fit(
            experiment,
            fitted.counterfactual,
            lambda earlier: _regression(earlier, errors).counterfactual,
            slope=slope,
        ),
    )


@dataclass(frozen=True, eq=False)
class _Judged:
    """The regression, its effect with errors widened by so much, and what must be said of them."""

    fitted: TimeRegression
    estimate: LiftEstimate
    widened: float = 1.0
    notes: tuple[str, ...] = ()


def _judged(experiment: GeoExperiment, errors: TbrErrors) -> _Judged:
    treated, n, fitted = experiment.treated.sum(axis=0), experiment.pre_days, _regression(experiment, errors)
    if errors == "block_conformal":
        design = _design(experiment)
        maker = np.eye(treated.size) - design @ np.linalg.pinv(design)
        blocks = block_conformal_distribution(lambda adjusted: maker @ adjusted, treated, n, fitted.effect)
        return _Judged(fitted, LiftEstimate(blocks))
    error, df = fitted.independent_errors() if errors == "independent" else fitted.autoregressive_errors()
    widened, notes = 1.0, () if errors == "calibrated" else (RESTS_ON_THE_PAST,)
    if errors == "calibrated" and error > 0:
        placebo = placebo_inflation(experiment.control, int(experiment.is_treated.sum()), n)
        if placebo is None:
            notes = (FEW_CONTROLS,)
        else:
            widened = max(1.0, placebo.inflation * fitted.independent_errors()[0] / error)
            df = min(df, placebo.df)
    observed, response = float(treated[experiment.window].sum()), float(treated.sum())
    distribution = observed_total_distribution(fitted.effect, widened * error, df, observed, response)
    return _Judged(fitted, LiftEstimate(distribution), widened, notes)


def _design(experiment: GeoExperiment) -> NDArray[np.float64]:
    """A constant and the control's total in units of its own size: beside the constant a large one would seem not to vary."""
    control = experiment.control.sum(axis=0)
    unit = float(np.abs(control[experiment.pre]).max(initial=0.0)) or 1.0
    return np.column_stack([np.ones(control.size), control / unit])


def _regression(experiment: GeoExperiment, errors: TbrErrors) -> TimeRegression:
    """Least squares; where errors are calibrated, with the slope that is free of the control's noise."""
    treated, n = experiment.treated.sum(axis=0), experiment.pre_days
    fitted = time_regression(treated, _design(experiment), n)
    if errors != "calibrated":
        return fitted
    control = experiment.control.sum(axis=0)
    slope = shared_slope(treated, experiment.control, n)
    foretold = treated[:n].mean() + slope * (control - control[:n].mean())
    left = treated - foretold
    return replace(fitted, counterfactual=foretold, effect=float(left[n:].sum()), residuals=left[:n])


def _covariance(fitted: TimeRegression, cost: IncrementalCost | None, error: float) -> float:
    """Covariance of the two effects: their correlation under independent days, times both errors."""
    if cost is None or cost.standard_error == 0 or not math.isfinite(error):
        return 0.0
    days = cost.weights.size
    shared = float(fitted.weights[:days] @ cost.weights)
    lengths = math.sqrt(float(fitted.weights @ fitted.weights) * float(cost.weights @ cost.weights))
    squares = math.sqrt(float(fitted.residuals @ fitted.residuals) * float(cost.residuals @ cost.residuals))
    alike = float(fitted.residuals @ cost.residuals) / squares if squares else 0.0
    return alike * shared / lengths * error * cost.standard_error


def _restricted_maximum_likelihood(design: NDArray[np.float64], residuals: NDArray[np.float64]) -> float:
    """ρ ≥ 0 of first-order autoregressive errors."""
    from scipy.optimize import minimize_scalar

    n, k = design.shape
    columns = np.column_stack([design, residuals])

    def deviance(rho: float) -> float:
        first = math.sqrt(1 - rho**2) * columns[:1]
        white = np.concatenate([first, columns[1:] - rho * columns[:-1]])
        q, r = np.linalg.qr(white[:, :k])
        rest = white[:, k] - q @ (q.T @ white[:, k])
        determinant = 2 * float(np.log(np.abs(np.diag(r))).sum())
        return float((n - k) * math.log(float(rest @ rest)) + determinant - math.log1p(-(rho**2)))

    if not float(residuals @ residuals) > 0:
        return 0.0
    found = minimize_scalar(deviance, bounds=(0.0, HIGHEST_AUTOCORRELATION), method="bounded")
    return float(found.x) if found.fun < deviance(0.0) else 0.0
