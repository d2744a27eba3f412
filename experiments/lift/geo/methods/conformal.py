"""Lift by test inversion: conformal inference over blocks of days, and placebo inference over geos."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from experiments.lift.estimate.lift_estimate import Interval
from experiments.lift.geo.observed_total import is_rounding

__all__ = [
    "ObservedTotalDistribution",
    "PlaceboDistribution",
    "TestInversionDistribution",
    "block_conformal_distribution",
    "block_conformal_p_value",
    "inversion_distribution",
]

PValue = Callable[[float], float]
# Steps of the bisection for an end of the interval: a 4096th of its width.
BISECTIONS = 12
# An interval more than this many spreads wide is reported as unbounded.
DOUBLINGS = 14
# Half spreads searched on either side of an estimate that is rejected, for the effect that is least so.
SEARCHED_STEPS = 40


@dataclass(frozen=True)
class ObservedTotalDistribution(ABC):
    """A distribution of the effect on a total that was observed: counterfactual = observed − effect.

    Attributes:
        difference: estimated effect.
        observed: observed total.
    """

    difference: float
    observed: float

    @property
    def baseline(self) -> float:
        """Observed total less the effect."""
        return self.observed - self.difference

    @property
    def df(self) -> float:
        """None: no Student distribution is involved."""
        return math.inf

    @property
    def one_sided(self) -> bool:
        """The size of the effect is ranked among sizes: the sign plays no part."""
        return False

    def quantile(self, tail: float) -> float:
        """The normal quantile: a name for the tail probability, which `distances` reads back."""
        from scipy.special import ndtri

        return -float(ndtri(tail))

    @abstractmethod
    def distances(self, quantile: float) -> tuple[float, float]:
        """How far the limits lie from the difference."""

    @property
    def standard_error(self) -> float:
        """Half the width of the interval that holds the share a normal distribution has within one error."""
        return sum(self.distances(1.0)) / 2

    def relative_limits(self, quantile: float, verdict: int) -> Interval:  # noqa: ARG002 (not needed here)
        """Effect / (observed − effect) at the limits of the effect: it rises with the effect."""
        below, above = self.distances(quantile)
        return self._relative(self.difference - below), self._relative(self.difference + above)

    def _relative(self, effect: float) -> float:
        if effect == -math.inf:
            return -1.0
        return effect / (self.observed - effect) if effect < self.observed else math.inf


@dataclass(frozen=True)
class TestInversionDistribution(ObservedTotalDistribution):
    """The effects a test does not reject, and all between them and the estimate.

    A model fitted before the test can be far off in the window (few days, many controls); the effect least rejected then
    lies elsewhere than the estimate. The hull of both holds what the test does not reject, and never contradicts the sign.

    Attributes:
        p_value_at: p-value of an effect, falling on both sides of where it is largest.
        spread: a first guess of the interval's half-width.
    """

    __test__ = False  # not a test class, although its name begins like one

    p_value_at: PValue
    spread: float

    @cached_property
    def _centre(self) -> float:
        """Distance from the estimate to the effect that is least rejected; 0 where the estimate is not rejected at 1/2."""
        if self.p_value_at(self.difference) >= 0.5:
            return 0.0
        steps = range(-SEARCHED_STEPS, SEARCHED_STEPS + 1)
        # The nearest of equals.
        around = sorted((step * self.spread / 2 for step in steps), key=abs)
        return max(around, key=lambda distance: self.p_value_at(self.difference + distance))

    def tail(self) -> float:
        """Half the p-value of no effect; where it lies between estimate and least rejected effect, half that one's."""
        least_rejected = self.difference + self._centre
        if min(self.difference, least_rejected) <= 0 <= max(self.difference, least_rejected):
            return max(self.p_value_at(0.0), self.p_value_at(least_rejected)) / 2
        return self.p_value_at(0.0) / 2

    def distances(self, quantile: float) -> tuple[float, float]:
        """The last effects on both sides whose p-value is at least 2·Φ(−q)."""
        from scipy.special import ndtr

        alpha = 2 * float(ndtr(-quantile)) * (1 - 1e-12)
        if self.p_value_at(self.difference + self._centre) < alpha:
            return math.inf, math.inf
        return max(0.0, self._reach(-1, alpha) - self._centre), max(0.0, self._reach(1, alpha) + self._centre)

    def _reach(self, side: int, alpha: float) -> float:
        start = self.difference + self._centre
        inside, outside = 0.0, self.spread
        for _ in range(DOUBLINGS):
            if self.p_value_at(start + side * outside) < alpha:
                break
            inside, outside = outside, 2 * outside
        else:
            return math.inf
        for _ in range(BISECTIONS):
            middle = (inside + outside) / 2
            if self.p_value_at(start + side * middle) < alpha:
                outside = middle
            else:
                inside = middle
        return outside


def inversion_distribution(
    effect: float, observed: float, p_value_at: PValue, spread: float, response: float
) -> TestInversionDistribution:
    """The distribution of these p-values; one that rejects nothing where the spread is rounding of this total."""
    if is_rounding(spread, response):
        return TestInversionDistribution(effect, observed, lambda _: 1.0, 1.0)
    return TestInversionDistribution(effect, observed, p_value_at, spread)


def block_conformal_p_value(residuals: NDArray[np.float64], window_days: int) -> float:
    """Share of the T cyclic shifts of the window whose |Σ residuals| is at least that of the last days.

    The identity is one of the shifts, so the share is (1 + #)/(1 + B) with B = T − 1.
    """
    totals = np.concatenate([[0.0], np.cumsum(np.concatenate([residuals, residuals[: window_days - 1]]))])
    sums = np.abs(totals[window_days:] - totals[:-window_days])
    observed = sums[residuals.size - window_days]
    return float(np.mean(sums >= observed * (1 - 1e-9)))


def block_conformal_distribution(
    refit: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    response: NDArray[np.float64],
    pre_days: int,
    effect: float,
) -> TestInversionDistribution:
    """The distribution of a total effect whose p-values permute blocks of days, the model refitted under each null.

    An effect is spread evenly over the window and taken off; the model is fitted to all days; the statistic
    is |Σ residuals of the window|, which is what the total effect moves. Blocks keep the order of days, so
    autocorrelated errors do no harm; permuting single days would.

    Args:
        refit: residuals of shape `(days,)` of the model fitted to a response of that shape.
        response: of shape `(days,)`.
        pre_days: number of days before the test.
        effect: the point estimate of the total.

    Source: Chernozhukov, Wüthrich and Zhu (2021), "An exact and robust conformal inference method for
    counterfactual and synthetic controls", JASA 116(536).
    """
    window_days = response.size - pre_days
    in_window = np.arange(response.size) >= pre_days

    @lru_cache(maxsize=4096)
    def p_value(total: float) -> float:
        return block_conformal_p_value(refit(response - in_window * (total / window_days)), window_days)

    spread = float(np.std(refit(response - in_window * (effect / window_days)))) * math.sqrt(window_days)
    return inversion_distribution(effect, float(response[pre_days:].sum()), p_value, spread, float(response.sum()))


@dataclass(frozen=True)
class PlaceboDistribution(ObservedTotalDistribution):
    """p(τ) = (1 + #{|e_b| ≥ |effect − τ|}) / (1 + B) for B placebo errors e.

    Attributes:
        placebo_errors: estimates where there was no effect, in the unit of the effect.
    """

    placebo_errors: tuple[float, ...]

    def tail(self) -> float:
        """Half the p-value of no effect."""
        as_large = sum(abs(error) >= abs(self.difference) for error in self.placebo_errors)
        return (1 + as_large) / (1 + len(self.placebo_errors)) / 2

    def distances(self, quantile: float) -> tuple[float, float]:
        """The placebo error that leaves a share of 2·Φ(−q) beyond it; infinite where there are too few."""
        from scipy.special import ndtr

        alpha = 2 * float(ndtr(-quantile))
        rank = math.ceil(alpha * (1 + len(self.placebo_errors)) * (1 - 1e-12)) - 1
        if rank < 1:
            return math.inf, math.inf
        limit = sorted(map(abs, self.placebo_errors), reverse=True)[rank - 1]
        return limit, limit
