"""Group-sequential boundaries: critical values of |Z| for planned looks, and the lift read at one of them."""

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cpalab.refusal import refuse
from cpalab.result import Result
from experiments.lift.estimate.lift_estimate import LiftEstimate, significance
from experiments.lift.sequential.read_while_running import EarlyReadingDistribution, normal_distribution

__all__ = ["Boundary", "GroupSequentialDistribution", "GroupSequentialPlan", "first_crossing_probabilities"]

Boundary = Literal["obrien_fleming", "pocock", "lan_demets_obrien_fleming", "lan_demets_pocock", "lan_demets_power"]
BOUNDARIES: tuple[Boundary, ...] = (
    "obrien_fleming",
    "pocock",
    "lan_demets_obrien_fleming",
    "lan_demets_pocock",
    "lan_demets_power",
)

# Gauss-Legendre nodes per continuation region: five digits of every published boundary, up to 100 looks.
NODES = 151
# No boundary lies beyond; an upper tail of 1e-88 is as good as none.
HIGHEST = 20.0


def first_crossing_probabilities(
    critical_values: ArrayLike, information_fractions: ArrayLike, expected_t: float = 0.0
) -> NDArray[np.float64]:
    """P(|Z_j| < c_j for all j < k, |Z_k| ≥ c_k) for every look k, by recursive numerical integration.

    With information fraction t, the score S = Z·√t has independent normal increments with mean θ·Δt and
    variance Δt; its density is carried from one continuation region to the next.

    Args:
        critical_values: c of shape `(looks,)`.
        information_fractions: share of the final information (of the users) at every look, ascending, of the
            same shape.
        expected_t: θ, the mean of Z at full information; 0 gives error rates, other values power.

    Returns:
        Probability of stopping first at each look, of shape `(looks,)`.

    Source: Armitage, McPherson and Rowe (1969), JRSS A 132(2); Jennison and Turnbull (2000), chapter 19.
    """
    bounds = np.asarray(critical_values, dtype=np.float64)
    fractions = np.asarray(information_fractions, dtype=np.float64)
    state = _Continuation.start()
    stopped = []
    for critical_value, fraction in zip(bounds, fractions, strict=True):
        stopped.append(state.crossing(critical_value, fraction, expected_t))
        state = state.within(critical_value, fraction, expected_t)
    return np.array(stopped)


@dataclass(frozen=True)
class _Continuation:
    """Density of the score on the nodes of the region in which a test has not stopped yet."""

    scores: NDArray[np.float64]
    weights: NDArray[np.float64]
    fraction: float

    @classmethod
    def start(cls) -> "_Continuation":
        return cls(np.zeros(1), np.ones(1), 0.0)

    def crossing(self, critical_value: float, fraction: float, expected_t: float) -> float:
        """Probability of leaving the region at the next look."""
        from scipy.special import ndtr

        step = fraction - self.fraction
        bound = critical_value * math.sqrt(fraction)
        centre = self.scores + expected_t * step
        above, below = (bound - centre) / math.sqrt(step), (-bound - centre) / math.sqrt(step)
        return float(self.weights @ (ndtr(-above) + ndtr(below)))

    def within(self, critical_value: float, fraction: float, expected_t: float) -> "_Continuation":
        """The density on the part of the next region in which the test goes on."""
        step = fraction - self.fraction
        # A region far wider than the score's distribution would waste its nodes.
        bound = min(critical_value, 8.0 + abs(expected_t)) * math.sqrt(fraction)
        nodes, node_weights = _gauss_legendre()
        scores = bound * nodes
        z = (scores[:, None] - self.scores - expected_t * step) / math.sqrt(step)
        density = np.exp(-(z**2) / 2) @ self.weights / math.sqrt(2 * math.pi * step)
        return _Continuation(scores, bound * node_weights * density, fraction)


@cache
def _gauss_legendre() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.polynomial.legendre.leggauss(NODES)


@dataclass(frozen=True)
class GroupSequentialPlan(Result):
    """Looks planned before the test, and the boundary that keeps their joint error rate at α.

    `obrien_fleming` has c_k = C/√t_k, `pocock` c_k = C, with C such that the error over all looks is α. The
    Lan-DeMets boundaries spend α over the information t: `lan_demets_obrien_fleming` 4 − 4Φ(z_{α/4}/√t),
    `lan_demets_pocock` α·ln(1 + (e − 1)t), `lan_demets_power` α·t²; they allow looks at other times than
    planned. All are symmetric and two-sided.

    Args:
        information_fractions: share of the final number of users at each look; the last one is 1.
        boundary: name of the boundary.

    Raises:
        LiftInputError: fractions that do not ascend from above 0 to 1, or an unknown boundary.

    Source: Pocock (1977), Biometrika 64(2); O'Brien and Fleming (1979), Biometrics 35(3); Lan and DeMets
    (1983), Biometrika 70(3).

    Example:
        >>> from experiments.lift import GroupSequentialPlan
        >>> print(GroupSequentialPlan((0.5, 1.0)).summary())
        Stop at a look where |Z| reaches 2.963, 1.969; over all looks the error rate is 0.05.
    """

    information_fractions: tuple[float, ...]
    boundary: Boundary = "lan_demets_obrien_fleming"

    def __post_init__(self) -> None:
        """Refuse looks that are no plan."""
        fractions = self.information_fractions
        problems = []
        ascending = all(a < b for a, b in zip((0.0, *fractions), fractions, strict=False))
        if not fractions or not ascending or fractions[-1] != 1:
            problems.append(
                f"information_fractions: {fractions} must ascend from above 0 to 1; "
                "write (0.5, 1.0) for a look half-way"
            )
        if self.boundary not in BOUNDARIES:
            problems.append(f"boundary: {self.boundary} must be one of {', '.join(BOUNDARIES)}")
        refuse(problems)

    @classmethod
    def equally_spaced(cls, looks: int, boundary: Boundary = "lan_demets_obrien_fleming") -> "GroupSequentialPlan":
        """The plan of `looks` looks after equal numbers of users."""
        if looks < 1:
            refuse([f"looks: {looks} must be at least 1; the last look is the end of the test"])
        return cls(tuple((k + 1) / looks for k in range(looks)), boundary)

    @property
    def _weights(self) -> NDArray[np.float64]:
        """c_k / C of the classical boundaries."""
        fractions = np.asarray(self.information_fractions)
        return 1 / np.sqrt(fractions) if self.boundary == "obrien_fleming" else np.ones(fractions.size)

    def critical_values(self, level: float = 0.95) -> NDArray[np.float64]:
        """Critical values of |Z| of shape `(looks,)` whose joint error rate is 1 − level."""
        return self._boundary(significance(level))

    def _boundary(self, alpha: float, looks: int | None = None) -> NDArray[np.float64]:
        from scipy.optimize import brentq

        fractions = np.asarray(self.information_fractions[:looks])
        if self.boundary in ("obrien_fleming", "pocock"):
            everything = np.asarray(self.information_fractions)

            def excess(constant: float) -> float:
                crossed = first_crossing_probabilities(constant * self._weights, everything)
                return float(crossed.sum()) - alpha

            constant = brentq(excess, 0.0, HIGHEST, xtol=1e-10)
            return (constant * self._weights)[:looks]
        spent = np.array([self._spent(float(t), alpha) for t in fractions])
        bounds: list[float] = []
        state = _Continuation.start()
        for fraction, increment in zip(fractions, np.diff(spent, prepend=0.0), strict=True):

            def overspent(
                bound: float,
                state: _Continuation = state,
                fraction: float = fraction,
                increment: float = increment,
            ) -> float:
                return state.crossing(bound, fraction, 0.0) - increment

            reachable = overspent(HIGHEST) < 0
            bounds.append(brentq(overspent, 0.0, HIGHEST, xtol=1e-10) if reachable else math.inf)
            state = state.within(bounds[-1], fraction, 0.0)
        return np.array(bounds)

    def _smallest_error(self, z: float, look: int) -> float:
        """The smallest joint error rate whose boundary |Z| = z reaches at a look."""
        from scipy.optimize import brentq

        if self.boundary in ("obrien_fleming", "pocock"):
            bounds = z / self._weights[look - 1] * self._weights
            return min(1.0, float(first_crossing_probabilities(bounds, self.information_fractions).sum()))
        smallest, largest = 1e-12, 1 - 1e-9
        if z <= self._boundary(largest, look)[-1]:
            return 1.0
        if z >= self._boundary(smallest, look)[-1]:
            return smallest

        def beyond(log_alpha: float) -> float:
            return float(self._boundary(math.exp(log_alpha), look)[-1]) - z

        return math.exp(brentq(beyond, math.log(smallest), math.log(largest), xtol=1e-9))

    def _spent(self, fraction: float, alpha: float) -> float:
        from scipy.special import ndtr, ndtri

        if self.boundary == "lan_demets_obrien_fleming":
            return float(4 * ndtr(ndtri(alpha / 4) / math.sqrt(fraction)))
        if self.boundary == "lan_demets_pocock":
            return alpha * math.log1p((math.e - 1) * fraction)
        return alpha * fraction**2

    def power(self, expected_t: float, level: float = 0.95) -> float:
        """P(the boundary is crossed at any look) where Z has mean `expected_t` at full information."""
        crossed = first_crossing_probabilities(self.critical_values(level), self.information_fractions, expected_t)
        return float(crossed.sum())

    def at_look(self, lift: LiftEstimate, look: int) -> LiftEstimate:
        """The lift as it may be read at a look (1 is the first): repeated p-value and repeated intervals.

        The interval is difference ± c_k·se. All intervals of all looks hold the effect jointly with the
        stated probability, so it may be read whether or not the test stops. After an early stop the point
        estimate is too far from zero on average.

        Raises:
            LiftInputError: a look outside the plan; a lift by test inversion, which has no normal statistic.
        """
        if not 1 <= look <= len(self.information_fractions):
            refuse([f"look: {look} must lie between 1 and {len(self.information_fractions)}, the looks planned"])
        return replace(
            lift, distribution=GroupSequentialDistribution(normal_distribution(lift.distribution), self, look)
        )

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """One row per look: information fraction, critical value, nominal p-value and error spent so far."""
        from scipy.special import ndtr

        bounds = self.critical_values(level)
        crossed = first_crossing_probabilities(bounds, self.information_fractions)
        return pd.DataFrame(
            {
                "look": np.arange(1, bounds.size + 1),
                "information_fraction": self.information_fractions,
                "critical_value": bounds,
                "nominal_p_value": 2 * ndtr(-bounds),
                "error_spent": crossed.cumsum(),
            }
        )

    def summary(self, level: float = 0.95) -> str:
        """One sentence."""
        bounds = ", ".join(f"{bound:z.3f}" for bound in self.critical_values(level))
        return f"Stop at a look where |Z| reaches {bounds}; over all looks the error rate is {1 - level:z.3g}."


@dataclass(frozen=True)
class GroupSequentialDistribution(EarlyReadingDistribution):
    """The normal distribution of an estimate read at a planned look: quantiles are the boundary of that look.

    The p-value is the smallest α whose boundary the statistic crosses at this look.

    Source: Jennison and Turnbull (1989), "Interim analyses: the repeated confidence interval approach",
    JRSS B 51(3).
    """

    plan: GroupSequentialPlan = GroupSequentialPlan((1.0,))
    look: int = 1

    def quantile(self, tail: float) -> float:
        """Boundary of the look for a joint two-sided error of 2·tail."""
        return float(self.plan._boundary(2 * tail, self.look)[-1])

    def tail(self) -> float:
        """Half the repeated p-value."""
        return self.plan._smallest_error(self.z, self.look) / 2
