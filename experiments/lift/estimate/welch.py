"""Welch's difference of two means, of covariate-adjusted means and of ratio metrics, per user."""

import math
from typing import Literal

from cpalab.refusal import refuse
from experiments.lift.estimate.arm_sums import ArmStatistics, PairStatistics
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution

__all__ = ["Slopes", "adjusted_lift", "ratio_metric_lift", "satterthwaite_df", "welch_lift"]

Slopes = Literal["pooled", "per_arm"]


def satterthwaite_df(
    treated_variance: float, treated_users: float, control_variance: float, control_users: float
) -> float:
    """(v_T + v_C)² / (v_T²/(n_T − 1) + v_C²/(n_C − 1)) for variances v of the two means (Welch 1947)."""
    total = treated_variance + control_variance
    # Shares instead of squares: the variance of a rare outcome squared may underflow.
    treated_share, control_share = treated_variance / total, control_variance / total
    return 1 / (treated_share**2 / (treated_users - 1) + control_share**2 / (control_users - 1))


def welch_lift(treated: ArmStatistics, control: ArmStatistics) -> LiftEstimate:
    """ȳ_T − ȳ_C with standard error √(s_T²/n_T + s_C²/n_C) and Satterthwaite's degrees of freedom.

    Where an arm has one user, or no outcome varies, the error cannot be known and is infinite: nothing is
        excluded.

    Raises:
        LiftInputError: an arm with nobody.
    """
    _refuse_empty(treated.users, control.users)
    return _two_means(
        treated.mean - control.mean,
        (treated.mean_variance, treated.users),
        (control.mean_variance, control.users),
        baseline=control.mean,
        baseline_variance=control.mean_variance,
        covariance=-control.mean_variance,
    )


def adjusted_lift(treated: PairStatistics, control: PairStatistics, slopes: Slopes = "pooled") -> LiftEstimate:
    """(ȳ_T − ȳ_C) − θ·(x̄_T − x̄_C): the lift adjusted for a covariate x measured before the test.

    `pooled` takes θ = s_xy / s_x² over all users of both arms (CUPED). `per_arm` takes θ = (n_C·θ_T +
    n_T·θ_C) / n, which is the regression with treatment × covariate interactions. The variance shrinks by the
    share 1 − ρ² either way. The baseline of the relative lift is the plain control mean, with its covariance
    with the adjusted difference.

    Args:
        treated: outcome y and covariate x per user.
        control: the same for the holdout.
        slopes: one slope for both arms, or one each.

    Raises:
        LiftInputError: an arm with nobody.

    Source: Deng, Xu, Kohavi and Walker (2013), WSDM; Lin (2013), Annals of Applied Statistics 7(1).

    Example:
        >>> import numpy as np
        >>> from experiments.lift import PairStatistics, adjusted_lift
        >>> rng = np.random.default_rng(1)
        >>> before = rng.poisson(3, (2, 500)).astype(float)
        >>> after = before + rng.normal(0, 0.1, (2, 500)) + np.array([[1.0], [0.0]])
        >>> lift = adjusted_lift(*(PairStatistics.from_values(y, x) for y, x in zip(after, before)))
        >>> round(lift.difference, 1), lift.standard_error < 0.01
        (1.0, True)
    """
    _refuse_empty(treated.users, control.users)
    if slopes == "pooled":
        everybody = treated + control
        theta = _slope(everybody.covariance, everybody.other.variance)
    else:
        own = [_slope(arm.covariance, arm.other.variance) for arm in (treated, control)]
        theta = (control.users * own[0] + treated.users * own[1]) / (treated.users + control.users)
    variances = [
        max(arm.outcome.variance + theta**2 * arm.other.variance - 2 * theta * arm.covariance, 0.0) / arm.users
        for arm in (treated, control)
    ]
    return _two_means(
        treated.outcome.mean - control.outcome.mean - theta * (treated.other.mean - control.other.mean),
        (variances[0], treated.users),
        (variances[1], control.users),
        baseline=control.outcome.mean,
        baseline_variance=control.outcome.mean_variance,
        covariance=-(control.outcome.variance - theta * control.covariance) / control.users,
    )


def ratio_metric_lift(treated: PairStatistics, control: PairStatistics) -> LiftEstimate:
    """Σy_T/Σx_T − Σy_C/Σx_C: the lift of a ratio whose denominator differs between users (value per order).

    The variance of an arm's ratio R = ȳ/x̄ is (s_y² + R²·s_x² − 2R·s_xy) / (n·x̄²), by the delta method with
    the user as the unit of analysis. Where users are assigned in clusters (households, accounts), a cluster's outcome and
    its number of users as y and x give the rate per user with the cluster-robust error.

    Args:
        treated: numerator y and denominator x per user.
        control: the same for the holdout.

    Raises:
        LiftInputError: an arm with nobody, or a denominator that sums to zero.

    Source: Deng, Knoblich and Lu (2018), KDD.

    Example:
        >>> import numpy as np
        >>> from experiments.lift import PairStatistics, ratio_metric_lift
        >>> orders = np.array([1.0, 2.0, 1.0, 2.0])
        >>> treated = PairStatistics.from_values(np.array([33.0, 63.0, 31.0, 65.0]), orders)
        >>> control = PairStatistics.from_values(np.array([30.0, 60.0, 31.0, 59.0]), orders)
        >>> round(ratio_metric_lift(treated, control).difference, 2)  # value per order
        2.0
    """
    _refuse_empty(treated.users, control.users)
    refuse(
        [
            f"{name}.other.sum: {arm.other.sum} must be positive; a ratio needs a denominator"
            for name, arm in (("treated", treated), ("control", control))
            if not arm.other.sum > 0
        ]
    )
    ratios = [arm.outcome.sum / arm.other.sum for arm in (treated, control)]
    variances = [
        max(arm.outcome.variance + ratio**2 * arm.other.variance - 2 * ratio * arm.covariance, 0.0)
        / (arm.users * arm.other.mean**2)
        for arm, ratio in zip((treated, control), ratios, strict=True)
    ]
    return _two_means(
        ratios[0] - ratios[1],
        (variances[0], treated.users),
        (variances[1], control.users),
        baseline=ratios[1],
        baseline_variance=variances[1],
        covariance=-variances[1],
    )


def _two_means(
    difference: float,
    treated: tuple[float, int],
    control: tuple[float, int],
    baseline: float,
    baseline_variance: float,
    covariance: float,
) -> LiftEstimate:
    """The estimate from two independent means, each given as (sampling variance, users)."""
    variance = treated[0] + control[0]
    if not variance > 0 or min(treated[1], control[1]) < 2:
        return LiftEstimate(StudentDistribution(difference, math.inf, baseline=baseline))
    return LiftEstimate(
        StudentDistribution(
            difference,
            math.sqrt(variance),
            satterthwaite_df(*treated, *control),
            baseline,
            math.sqrt(baseline_variance),
            covariance,
        )
    )


def _slope(covariance: float, variance: float) -> float:
    return covariance / variance if variance > 0 else 0.0


def _refuse_empty(treated_users: int, control_users: int) -> None:
    refuse(
        [
            f"{name}.users: 0 must be at least 1; an arm with nobody has no outcome to compare"
            for name, users in (("treated", treated_users), ("control", control_users))
            if users < 1
        ]
    )
