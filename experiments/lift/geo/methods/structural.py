"""Structural time series: a wandering level and the control geos forecast the treated, in responses."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cpalab.plugins import NameWithParameters
from cpalab.refusal import refuse
from experiments.lift.estimate.lift_estimate import LiftEstimate
from experiments.lift.geo.daily_series import DailyErrors
from experiments.lift.geo.fit import geo_fit
from experiments.lift.geo.incremental_cost import incremental_cost
from experiments.lift.geo.observed_total import is_rounding, observed_total_distribution
from experiments.lift.geo.panel import GeoExperiment
from experiments.lift.geo.result import GeoLiftTest, geo_lift_test

__all__ = ["StructuralTimeSeries", "structural_time_series"]


@dataclass(frozen=True)
class StructuralTimeSeries:
    """Structural time series: a wandering level and the control geos forecast the treated; see `structural_time_series`.

    Attributes:
        season_days: length of a season the controls do not share (7 for weekdays), if any.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("structural")
    season_days: int | None = None

    def read(self, experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
        """The test by `structural_time_series`."""
        return structural_time_series(experiment, levels, season_days=self.season_days)


def structural_time_series(
    experiment: GeoExperiment,
    levels: Sequence[float] = (0.90, 0.95),
    *,
    season_days: int | None = None,
) -> GeoLiftTest:
    """y_t = μ_t + β·x_t (+ season) + ε_t, μ_t = μ_{t−1} + η_t before the test; effect Σ (y − ŷ) after.

    The error of the sum is that of the Kalman filter's forecasts with all their covariances, β and the level
    included; the variances are estimated by maximum likelihood and taken as known. A level that wanders makes
    honest intervals widen fast with the length of the window.

    Args:
        experiment: the design.
        levels: confidence levels to report.
        season_days: length in days of a season the control does not share (7 for weekdays), if any.

    Raises:
        LiftInputError: too few days before the test.

    Source: Brodersen et al. (2015), "Inferring causal impact using Bayesian structural time-series models",
    Annals of Applied Statistics 9(1), with maximum likelihood in place of a prior; Durbin and Koopman (2012).

    Example:
        >>> from experiments.lift import structural_time_series
        >>> from experiments.lift.testing import example_experiment
        >>> test = structural_time_series(example_experiment(lift=0.3))
        >>> round(test.lift.relative_lift, 1), test.p_value < 0.05
        (0.3, True)
    """
    step = experiment.panel.step
    season = None if season_days is None else step.rows_in(season_days, "season_days")
    if season is not None and season < 2:
        refuse([f"season_days: {season_days} must be at least {step.of(2)}; 7 for weekdays of daily rows"])
    if season is not None and experiment.panel.left_out:
        refuse(["season_days: it must not be given with dates left out; a season needs every row"])
    least = max(10, 3 * (season or 0))
    if experiment.pre_days < least:
        refuse([f"pre_days: {experiment.pre_days} must be at least {step.of(least)}; start the table earlier"])
    y = experiment.treated.sum(axis=0)
    forecast = _forecast_of(experiment, season)
    n, spread, covariance, counterfactual = experiment.pre_days, forecast.spread, forecast.covariance, forecast.series
    effect = float((y - counterfactual)[n:].sum())
    error = spread * math.sqrt(float(covariance.sum()))
    if forecast.is_exact:
        # Likelihood has no maximum where controls tell the treated exactly.
        error = math.inf
    df = n - forecast.parameters
    distribution = observed_total_distribution(effect, error, df, float(y[n:].sum()), float(y.sum()))
    return geo_lift_test(
        experiment,
        LiftEstimate(distribution),
        "structural_time_series",
        "kalman_forecast",
        levels,
        cost=incremental_cost(experiment),
        counterfactual=counterfactual,
        daily_errors=DailyErrors(spread**2 * covariance, df) if math.isfinite(distribution.standard_error) else None,
        fit=geo_fit(
            experiment,
            counterfactual,
            lambda earlier: _forecast_of(earlier, season).series,
            slope=forecast.slope,
        ),
    )


@dataclass(frozen=True, eq=False)
class _Forecast:
    """Fitted and forecast response `(days,)`, its covariance in units of `spread`, the slope on the control."""

    series: NDArray[np.float64]
    spread: float
    covariance: NDArray[np.float64]
    parameters: int
    slope: float
    is_exact: bool


def _forecast_of(experiment: GeoExperiment, season: int | None) -> _Forecast:
    y, x = experiment.treated.sum(axis=0), experiment.control.sum(axis=0)
    n = experiment.pre_days
    centre, spread = y[:n].mean(), y[:n].std() or 1.0
    x_spread = x[:n].std() or 1.0
    series, regressor = (y - centre) / spread, ((x - x[:n].mean()) / x_spread)[:, None]
    fitted = _fit(series[:n], regressor[:n], season)
    mean, covariance = _forecast(fitted, regressor[n:])
    slope = float(np.linalg.lstsq(regressor[:n], series[:n], rcond=None)[0][0])
    return _Forecast(
        np.concatenate([fitted.fittedvalues, mean]) * spread + centre,
        spread,
        covariance,
        len(fitted.params) + 1,
        slope,
        is_rounding(spread * float(np.std(series[:n] - slope * regressor[:n, 0])), float(y.sum())),
    )


def _fit(series: NDArray[np.float64], regressor: NDArray[np.float64], season: int | None) -> Any:
    from statsmodels.tsa.statespace.structural import (
        UnobservedComponents,
    )

    model = UnobservedComponents(series, level="local level", exog=regressor, seasonal=season, mle_regression=False)
    with warnings.catch_warnings():
        # A level variance at its bound of zero is a fit like any other: a plain regression.
        warnings.simplefilter("ignore")
        return model.fit(disp=False, maxiter=200)


def _forecast(fitted: Any, regressor: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean `(days,)` and covariance `(days, days)` of the forecasts, from the filter's last prediction."""
    space = fitted.filter_results
    transition, noise = space.transition[:, :, -1], space.obs_cov[0, 0, -1]
    selection = space.selection[:, :, -1]
    disturbance = selection @ space.state_cov[:, :, -1] @ selection.T
    state, covariance = space.predicted_state[:, -1], space.predicted_state_cov[:, :, -1]
    days = len(regressor)
    loading = np.repeat(space.design[:1, :, -1], days, axis=0)
    # Coefficients of regressors are the last states; their loadings are the regressors of the day.
    loading[:, -regressor.shape[1] :] = regressor
    mean, joint = np.empty(days), np.empty((days, days))
    for day in range(days):
        mean[day] = loading[day] @ state
        carried = covariance @ loading[day]
        joint[day, day] = loading[day] @ carried + noise
        ahead = carried
        for later in range(day + 1, days):
            ahead = transition @ ahead
            joint[day, later] = joint[later, day] = loading[later] @ ahead
        state = transition @ state
        covariance = transition @ covariance @ transition.T + disturbance
    return mean, joint
