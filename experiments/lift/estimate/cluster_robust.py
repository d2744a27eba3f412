"""The lift per user between arms assigned by clusters (households, accounts), with an error that holds for few of them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpalab.refusal import refuse
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution

__all__ = ["ClusterSums", "cluster_robust_lift"]


@dataclass(frozen=True, eq=False)
class ClusterSums:
    """One arm by clusters.

    Attributes:
        outcome: sum of the outcome over the users of each cluster, (clusters,).
        users: users of each cluster, (clusters,).
    """

    outcome: NDArray[np.float64]
    users: NDArray[np.float64]

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return int(self.users.size)

    @property
    def rate(self) -> float:
        """Outcome per user."""
        return float(self.outcome.sum() / self.users.sum())


def cluster_robust_lift(treated: ClusterSums, control: ClusterSums) -> LiftEstimate:
    """Σy_T/Σm_T − Σy_C/Σm_C with the bias-reduced cluster error (CR2) and Satterthwaite's degrees of freedom.

    With h_g = m_g/Σm and e_g = y_g − m_g·ȳ, an arm's variance is Σ e_g²/(1 − h_g) / (Σm)², which is CR2 of the regression of
    the outcome on the arm. Degrees of freedom: (tr G)²/Σ G² for the covariance G of the terms under equal correlation within
    clusters, estimated; many small and few large clusters so count as few.

    Where an arm has one cluster, or nothing varies, the error cannot be known and is infinite: nothing is excluded.

    Raises:
        LiftInputError: an arm with nobody.

    Source: Bell and McCaffrey (2002), Survey Methodology 28(2); Pustejovsky and Tipton (2018), Journal of Business & Economic
    Statistics 36(4).
    """
    refuse(
        [
            f"{name}.users: 0 must be at least 1; an arm with nobody has no outcome to compare"
            for name, arm in (("treated", treated), ("control", control))
            if not arm.users.sum() > 0
        ]
    )
    arms = (treated, control)
    difference, baseline = treated.rate - control.rate, control.rate
    variances = [_variance(arm) for arm in arms]
    total = sum(variances)
    if min(arm.clusters for arm in arms) < 2 or not total > 0:
        return LiftEstimate(StudentDistribution(difference, math.inf, baseline=baseline))
    correlation = _correlation_within(arms)
    # Terms of the two arms are independent: their covariance matrices stand side by side.
    parts = [_moments(arm, correlation, variance / total) for arm, variance in zip(arms, variances, strict=True)]
    df = sum(trace for trace, _ in parts) ** 2 / sum(square for _, square in parts)
    return LiftEstimate(
        StudentDistribution(
            difference,
            math.sqrt(total),
            max(1.0, df),
            baseline=baseline,
            baseline_standard_error=math.sqrt(variances[1]),
            covariance=-variances[1],
        )
    )


def _variance(arm: ClusterSums) -> float:
    """CR2 variance of an arm's rate."""
    total = arm.users.sum()
    share = arm.users / total
    if arm.clusters < 2:
        return math.inf
    residual = arm.outcome - arm.users * arm.rate
    return float((residual**2 / (1 - share)).sum() / total**2)


def _correlation_within(arms: tuple[ClusterSums, ClusterSums]) -> float:
    """ρ of a cluster's sum with variance ∝ m + ρ·m·(m − 1), by moments of the squared residuals; between 0 and 1.

    Squared residuals are regressed on m and m·(m − 1): their ratio is ρ/(1 of a single user's variance).
    """
    users = np.concatenate([arm.users for arm in arms])
    if float(users.max()) <= 1:
        return 0.0
    residual = np.concatenate(
        [(arm.outcome - arm.users * arm.rate) / np.sqrt(1 - arm.users / arm.users.sum()) for arm in arms]
    )
    # Weighted by 1/m², lest the largest clusters decide alone.
    alone, pairs = np.ones(users.size), users - 1
    design = np.column_stack([alone, pairs])
    target = residual**2 / users
    (own, shared), *_ = np.linalg.lstsq(design, target, rcond=None)
    if own <= 0:
        return 1.0
    return float(np.clip(shared / own, 0.0, 1.0))


def _moments(arm: ClusterSums, correlation: float, share_of_variance: float) -> tuple[float, float]:
    """Trace and square sum, tr G and Σ G² of the terms of an arm's CR2 variance, scaled so that tr G is its share of it.

    G_gk = d_g·d_k·(v_g·δ_gk − h_g·v_k − v_g·h_k + h_g·h_k·S), d_g = 1/√(1 − h_g), v_g = m_g + ρ·m_g·(m_g − 1), S = Σv.
    """
    if not share_of_variance > 0:
        return 0.0, 0.0
    h = arm.users / arm.users.sum()
    v = arm.users * (1 + correlation * (arm.users - 1))
    v = v / v.sum()
    d2 = 1 / (1 - h)
    a, b, c = float((d2 * h * h).sum()), float((d2 * v * v).sum()), float((d2 * h * v).sum())
    crossed = d2 * (h * h - 2 * h * v)
    everything = 2 * a * b + a * a + 2 * c * c - 4 * a * c
    square = everything - float((crossed**2).sum()) + float(((crossed + d2 * v) ** 2).sum())
    trace = float((crossed + d2 * v).sum())
    if not trace > 0:
        return share_of_variance, share_of_variance**2
    return share_of_variance, square * (share_of_variance / trace) ** 2
