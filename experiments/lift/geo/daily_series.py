"""A geo test day by day: observed and counterfactual response, effect and running total with limits, in responses."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.geo.panel import GeoExperiment

__all__ = ["DailyErrors", "daily_series"]


@dataclass(frozen=True, eq=False)
class DailyErrors:
    """How the estimated effects of the days vary together.

    Attributes:
        covariance: Λ of shape `(window, window)`, of the errors of the daily effects.
        df: degrees of freedom of Student's distribution, the same for every day.
    """

    covariance: NDArray[np.float64]
    df: float

    def half_widths(self, level: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """t·√Λ_ss of the effect of day s, and t·√(Σ_{i,j ≤ s} Λ_ij) of the total up to it, each of shape `(window,)`.

        Neither is the difference of the other: days share the errors of the coefficients, and may be alike.
        """
        from scipy.special import stdtrit

        quantile = -float(stdtrit(self.df, significance(level) / 2))
        running = np.diag(self.covariance.cumsum(axis=0).cumsum(axis=1))
        return quantile * np.sqrt(np.diag(self.covariance)), quantile * np.sqrt(running)


def daily_series(
    experiment: GeoExperiment, counterfactual: object, errors: DailyErrors | None = None, level: float = 0.95
) -> pd.DataFrame:
    """One row per day: `date, period, observed, counterfactual, effect, cumulative_effect`, and limits where known.

    Limits are those of one day each, `effect_lower`, `effect_upper`, `cumulative_effect_lower`, `cumulative_effect_upper`;
    before the test, where the counterfactual was fitted, they are nan.

    Args:
        experiment: the design.
        counterfactual: response of the treated geos without the change, of shape `(days,)`.
        errors: of the daily effects in the window; None where the method has no distribution for them.
        level: confidence level of the limits.
    """
    period = ["pre"] * experiment.pre_days + ["test"] * experiment.test_days
    frame = pd.DataFrame(
        {
            "date": experiment.panel.dates[experiment.everything],
            "period": period + ["cooldown"] * experiment.cooldown_days,
            "observed": experiment.treated.sum(axis=0),
            "counterfactual": counterfactual,
        }
    )
    frame["effect"] = frame["observed"] - frame["counterfactual"]
    in_window = frame["period"] != "pre"
    frame["cumulative_effect"] = frame["effect"].where(in_window, 0.0).cumsum()
    if errors is not None:
        before = np.full(experiment.pre_days, np.nan)
        for name, half_width in zip(("effect", "cumulative_effect"), errors.half_widths(level), strict=True):
            reach = np.concatenate([before, half_width])
            frame[f"{name}_lower"], frame[f"{name}_upper"] = frame[name] - reach, frame[name] + reach
    return frame
