"""Detectable lift of time-based regression by length of the test, by formula: a share of the response without ads."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.lift.estimate import significance
from experiments.lift.geo.observed_total import is_rounding
from experiments.lift.geo.panel import GeoPanel
from experiments.lift.geo.tbr import time_regression
from experiments.lift.refusal import refuse

__all__ = ["detectable_lift_by_days"]


def detectable_lift_by_days(
    panel: GeoPanel,
    treated: Sequence[str],
    test_days: Sequence[int] = (7, 14, 21, 28, 42, 56),
    *,
    level: float = 0.95,
    power: float = 0.80,
) -> pd.DataFrame:
    """(t_{1−α/2} + t_power)·se_m / (m·ȳ) for tests of m days, two-sided; se_m the error of a forecast of m days.

    The regression is fitted to all of the past, its error lets neighbouring days be alike, and the control is taken to stay
    at its mean: a control that wanders makes the forecast less sure.

    Args:
        panel: response without a test.
        treated: geos that would be treated.
        test_days: lengths m.
        level: 1 − α.
        power: wanted power.

    Returns:
        One row per length: `test_days, minimum_detectable_lift, conversions_forgone`; the last are those of a go-dark test
        of ads with just that lift, in responses.

    Raises:
        LiftInputError: unknown geos, no control, lengths below a day, a past too short or without variation.

    Source: the forecast error is that of `time_based_regression`; Kerman, Wang and Vaver (2017).
    """
    is_treated = np.isin(np.array(panel.geos), [str(geo) for geo in treated])
    unknown = sorted({str(geo) for geo in treated} - set(panel.geos))
    problems = [f"treated: {geo} must be a geo of the table; check its name" for geo in unknown]
    if is_treated.all() or not is_treated.any():
        problems.append(f"treated: {int(is_treated.sum())} of {is_treated.size} geos must leave some on either side")
    problems += [f"test_days: {days} must be at least 1; the length of the test" for days in test_days if days < 1]
    if not 0.5 <= power < 1:
        problems.append(f"power: {power} must lie between 0.5 and 1; write 0.8 for 80 %")
    alpha = significance(level)
    refuse(problems)
    from scipy.special import stdtrit

    response, control = panel.response[is_treated].sum(axis=0), panel.response[~is_treated].sum(axis=0)
    rows = []
    for days in test_days:
        regressor = np.concatenate([control, np.full(days, control.mean())])
        design = np.column_stack([np.ones(regressor.size), regressor])
        expected = np.concatenate([response, np.full(days, response.mean())])
        error, df = time_regression(expected, design, response.size).autoregressive_errors()
        detectable = (float(stdtrit(df, power)) - float(stdtrit(df, alpha / 2))) * error
        total = days * float(response.mean())
        lift = math.inf if is_rounding(error, total) or not total > 0 else detectable / total
        rows.append({"test_days": days, "minimum_detectable_lift": lift, "conversions_forgone": lift * total})
    return pd.DataFrame(rows)
