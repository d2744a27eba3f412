"""Several channels tested at once: p-values and intervals whose error rate holds for the whole family."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.refusal import refuse
from cpalab.result import Result
from experiments.lift.estimate.derived_distribution import DerivedDistribution
from experiments.lift.estimate.lift_estimate import (
    LiftEstimate,
    SamplingDistribution,
    StudentDistribution,
    normal_parameters,
)
from experiments.lift.estimate.small_counts import SmallCountDistribution
from experiments.lift.user.user_test import with_bounds

__all__ = [
    "LiftFamily",
    "ManyToOneDistribution",
    "OneOfSeveralDistribution",
    "against_shared_control",
    "holm_p_values",
    "joint_family",
]

# Beyond so many degrees of freedom Student's quantile is the normal one to two digits.
NEARLY_NORMAL = 200


def holm_p_values(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values max over j ≤ i of (m − j + 1)·p₍ⱼ₎: step-down, under any dependence.

    They come without intervals; for intervals that agree with the p-values see `against_shared_control`.

    Args:
        p_values: the p-value of each test, by name.

    Raises:
        LiftInputError: no p-value, or one that is no share.

    Source: Holm (1979), Scandinavian Journal of Statistics 6(2), through statsmodels.

    Example:
        >>> from experiments.lift import holm_p_values
        >>> holm_p_values({"search": 0.01, "video": 0.04})
        {'search': 0.02, 'video': 0.04}
    """
    if not p_values:
        refuse(["p_values: {} must hold at least one channel"])
    refuse([f"p_values.{name}: {p} must lie between 0 and 1" for name, p in p_values.items() if not 0 <= p <= 1])
    from statsmodels.stats.multitest import multipletests

    adjusted = multipletests(list(p_values.values()), method="holm")[1]
    return dict(zip(p_values, (float(p) for p in adjusted), strict=True))


@cache
def _gauss_hermite() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.polynomial.hermite_e.hermegauss(101)


def _outside(critical_value: float, loadings: tuple[float, ...]) -> float:
    """P(max |Z_i| > c) = 1 − ∫ φ(u) Π_i [Φ((c + λ_i·u)/√(1 − λ_i²)) − Φ((−c + λ_i·u)/√(1 − λ_i²))] du."""
    from scipy.special import ndtr

    nodes, weights = _gauss_hermite()
    loading = np.array(loadings)[:, None]
    spread = np.sqrt(1 - loading**2)
    tails = ndtr((-critical_value - loading * nodes) / spread) + ndtr((-critical_value + loading * nodes) / spread)
    # 1 − Π (1 − tail) through logarithms, so that tiny p-values keep their digits.
    outside = -np.expm1(np.log1p(-np.minimum(tails, 1 - 1e-16)).sum(axis=0))
    return float(weights @ outside) / math.sqrt(2 * math.pi)


@cache
def _joint_quantile(tail: float, loadings: tuple[float, ...]) -> float:
    """The c that max |Z| exceeds with probability 2·tail."""
    from scipy.optimize import brentq

    return float(brentq(lambda c: _outside(c, loadings) - 2 * tail, 0.0, 40.0, xtol=1e-12))


@dataclass(frozen=True)
class ManyToOneDistribution(StudentDistribution):
    """The distribution of one of several treatments compared with the same control (Dunnett).

    P(max |Z_i| ≤ c) = ∫ φ(u) Π_i [Φ((c + λ_i·u)/√(1 − λ_i²)) − Φ((−c + λ_i·u)/√(1 − λ_i²))] du, where λ_i²
    is the share of the control's variance in the variance of comparison i.

    Args:
        loadings: λ of every comparison of the family.
    """

    loadings: tuple[float, ...] = (0.0,)

    def quantile(self, tail: float) -> float:
        """The c that max |Z| exceeds with probability 2·tail."""
        return _joint_quantile(tail, self.loadings)

    def tail(self) -> float:
        """Half of P(max |Z| > |z|)."""
        return _outside(abs(self.difference) / self.standard_error, self.loadings) / 2


@dataclass(frozen=True)
class OneOfSeveralDistribution(DerivedDistribution):
    """One of several treatments compared with the same control, by any test: z is the normal quantile of its own p-value.

    Its limits at the joint critical value c are those of its own test at the tail probability 1 − Φ(c).

    Args:
        loadings: λ of every comparison of the family.
    """

    loadings: tuple[float, ...] = (0.0,)

    @property
    def one_sided(self) -> bool:
        """Several comparisons are read for two sides."""
        return False

    def quantile(self, tail: float) -> float:
        """The quantile of the single test at the tail beyond the joint critical value."""
        from scipy.special import ndtr

        return self.distribution.quantile(float(ndtr(-_joint_quantile(tail, self.loadings))))

    def tail(self) -> float:
        """Half of P(max |Z| > |z|)."""
        from scipy.special import ndtri

        own = self.distribution.tail()
        return 0.5 if own >= 0.5 else _outside(-float(ndtri(own)), self.loadings) / 2


@dataclass(frozen=True)
class LiftFamily(Result):
    """Lifts of several channels whose intervals hold jointly.

    Attributes:
        lifts: one estimate per channel; p-values and intervals are simultaneous.
    """

    lifts: Mapping[str, LiftEstimate]

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """One row per channel: difference with simultaneous bounds, family-wise p-value, verdict."""
        return pd.DataFrame(
            [
                {
                    "channel": channel,
                    **with_bounds("difference", lift.difference, lift.interval(level)),
                    "p_value": lift.p_value(),
                    "significant": lift.verdict(level) != 0,
                }
                for channel, lift in self.lifts.items()
            ]
        )

    def summary(self, level: float = 0.95) -> str:
        """One sentence."""
        found = [channel for channel, lift in self.lifts.items() if lift.verdict(level)]
        named = ", ".join(found) if found else "none"
        return (
            f"Of {len(self.lifts)} channels, with an effect at a joint level of {100 * level:g}%: {named}. "
            "Each is the effect given everything else that ran; effects of single channels need not add up."
        )


def against_shared_control(lifts: Mapping[str, LiftEstimate], control_variance: float) -> LiftFamily:
    """Simultaneous two-sided inference for channels that were each compared with the same holdout (Dunnett).

    Args:
        lifts: difference of every channel's arm to the control, all in the same unit, from independent arms.
        control_variance: sampling variance of the control's mean, in the square of that unit. 0 treats the
            comparisons as independent.

    Raises:
        LiftInputError: no channel; a control variance larger than that of a difference.

    Source: Dunnett (1955), JASA 50(272), with normal in place of Student quantiles.

    Example:
        >>> from experiments.lift import ArmStatistics, against_shared_control, user_holdout_test
        >>> control = ArmStatistics(10_000, 300, 300)
        >>> arms = {"search": ArmStatistics(10_000, 400, 400), "video": ArmStatistics(10_000, 310, 310)}
        >>> lifts = {name: user_holdout_test(arm, control, None).lift for name, arm in arms.items()}
        >>> family = against_shared_control(lifts, control_variance=control.variance / control.users)
        >>> family.to_frame()[["channel", "p_value"]].round(3).values.tolist()
        [['search', 0.0], ['video', 0.887]]
    """
    problems = [] if lifts else ["lifts: {} must hold at least one channel"]
    problems += [
        f"control_variance: {control_variance} must be below {lift.standard_error**2:z.6g}, the variance of "
        f"the difference of {channel!r}; give s²/n of the control arm"
        for channel, lift in lifts.items()
        if not 0 <= control_variance < lift.standard_error**2
    ]
    refuse(problems)
    loadings = tuple(math.sqrt(control_variance) / lift.standard_error for lift in lifts.values())
    return joint_family(lifts, loadings)


def joint_family(lifts: Mapping[str, LiftEstimate], loadings: tuple[float, ...]) -> LiftFamily:
    """The family whose comparisons share the control with these loadings λ, one per channel.

    Means of many users take Dunnett's normal statistic; few conversions, clusters and permutations keep their own limits.
    """
    return LiftFamily(
        {channel: replace(lift, distribution=_joint(lift.distribution, loadings)) for channel, lift in lifts.items()}
    )


def _joint(distribution: SamplingDistribution, loadings: tuple[float, ...]) -> SamplingDistribution:
    if isinstance(distribution, StudentDistribution) and distribution.df >= NEARLY_NORMAL:
        return ManyToOneDistribution(**normal_parameters(distribution), loadings=loadings)
    if isinstance(distribution, SmallCountDistribution):
        distribution = replace(distribution, one_of_several=True)
    return OneOfSeveralDistribution(distribution, loadings)
