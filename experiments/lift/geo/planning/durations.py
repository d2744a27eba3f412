"""What time-based regression detects by length of the test, by formula: as a share of the response, and in responses."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from cpalab.refusal import refuse, share_from_half_problems
from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.geo.methods.tbr import time_regression
from experiments.lift.geo.observed_total import is_rounding
from experiments.lift.geo.panel import GeoPanel, unknown_geos

__all__ = ["detectable_lift_by_days", "required_impact"]


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
        test_days: lengths in days; m is as many rows of the panel.
        level: 1 − α.
        power: wanted power.

    Returns:
        One row per length: `test_days, minimum_detectable_lift, conversions_forgone`; the last are those of a go-dark test
        of ads with just that lift, in responses.

    Raises:
        LiftInputError: unknown geos, no control, lengths below a day, a past too short or without variation.

    Source: the forecast error is that of `time_based_regression`; Kerman, Wang and Vaver (2017).

    Example:
        >>> from experiments.lift import detectable_lift_by_days
        >>> from experiments.lift.testing import PAIRS, example_experiment
        >>> treated = [first for first, _ in PAIRS]
        >>> lifts = detectable_lift_by_days(example_experiment().panel, treated, (7, 28))
        >>> lifts["minimum_detectable_lift"].is_monotonic_decreasing
        True
    """
    names = [str(geo) for geo in treated]
    is_treated = np.isin(np.array(panel.geos), names)
    problems = unknown_geos(panel, names, "treated")
    if is_treated.all() or not is_treated.any():
        problems.append(f"treated: {int(is_treated.sum())} of {is_treated.size} geos must leave some on either side")
    problems += [f"test_days: {days} must be at least 1; the length of the test" for days in test_days if days < 1]
    problems += share_from_half_problems(power=power)
    alpha = significance(level)
    refuse(problems)
    from scipy.special import stdtrit

    response, control = panel.response[is_treated].sum(axis=0), panel.response[~is_treated].sum(axis=0)
    rows = []
    for length in test_days:
        days = panel.step.rows_in(length, "test_days")
        regressor = np.concatenate([control, np.full(days, control.mean())])
        design = np.column_stack([np.ones(regressor.size), regressor])
        expected = np.concatenate([response, np.full(days, response.mean())])
        error, df = time_regression(expected, design, response.size).autoregressive_errors()
        detectable = (float(stdtrit(df, power)) - float(stdtrit(df, alpha / 2))) * error
        total = days * float(response.mean())
        lift = math.inf if is_rounding(error, total) or not total > 0 else detectable / total
        rows.append({"test_days": length, "minimum_detectable_lift": lift, "conversions_forgone": lift * total})
    return pd.DataFrame(rows)


def required_impact(
    residual_sd: float,
    pre_days: int,
    test_days: int,
    *,
    level: float = 0.90,
    power: float = 0.80,
    shift_level: float = 0.90,
) -> float:
    """σ·(t_{1−α} + t_power)·m·√(φ·(n+1)/(n·m·(n−1)) + 1/n + 1/m): detectable total, one-sided, TBR.

    n days before the test, m in it, t with n − 2 df, φ the quantile of F_{1,n−1} at `shift_level` (how far
    the control may wander from its past). It holds for independent errors; autocorrelation multiplies it by
    about √((1 + ρ)/(1 − ρ)).

    Args:
        residual_sd: σ of the regression before the test, in responses per day.
        pre_days: n.
        test_days: m.
        level: 1 − α of the one-sided test.
        power: wanted power.
        shift_level: level of φ.

    Returns:
        The total response over the test that is detected with the wanted power.

    Raises:
        LiftInputError: numbers outside their ranges.

    Source: Au (2018), "A time-based regression matched markets approach for designing geo experiments",
    Google.
    """
    problems = []
    if not residual_sd > 0:
        problems.append(f"residual_sd: {residual_sd} must be positive; the residual error per day")
    if pre_days < 4:
        problems.append(f"pre_days: {pre_days} must be at least 4; use a longer past")
    if test_days < 1:
        problems.append(f"test_days: {test_days} must be at least 1; the length of the test")
    problems += share_from_half_problems(power=power, shift_level=shift_level)
    refuse(problems)
    from scipy.special import fdtri, stdtrit

    n, m = pre_days, test_days
    quantiles = -stdtrit(n - 2, significance(level)) + stdtrit(n - 2, power)
    phi = fdtri(1, n - 1, shift_level)
    return float(residual_sd * quantiles * m * math.sqrt(phi * (n + 1) / (n * m * (n - 1)) + 1 / n + 1 / m))
