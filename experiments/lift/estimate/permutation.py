"""A difference of two arms judged by drawing the arms anew: exact whatever the outcome's distribution, in its unit."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.lift.estimate.lift_estimate import Interval, LiftEstimate

__all__ = ["MOST_UNITS", "PermutationDistribution", "permutation_lift"]

# Draws: 9,999 for few units; fewer, but never below 1,999, where units are many and each draw takes long.
MOST_DRAWS, FEWEST_DRAWS = 9_999, 1_999
STEPS = 20_000_000
MOST_UNITS = 50_000
SEED = 20_261_129


@dataclass(frozen=True, eq=False)
class PermutationDistribution:
    """The difference, and what it would have been in other draws of the arms if ads did nothing.

    p = (1 + #{d* ≥ d}) / (1 + B) on the side of d; the limits are d − c and d + c' with the values c and −c' that d*
    reaches with the tail probability of the level. Beyond the resolution of the draws nothing is excluded.

    Attributes:
        difference: treated less control.
        baseline: of the control.
        draws: d*, of shape `(B,)`, ascending.
        bare: where the control (the treated arm) has no outcome at all, the share of draws in which it has none either;
            else 0.

    Source: Edgington and Onghena (2007), Randomization Tests; the draws by Dwass (1957), Annals of Mathematical
    Statistics 28(1).
    """

    difference: float
    baseline: float
    draws: NDArray[np.float64]
    bare: tuple[float, float] = (0.0, 0.0)

    @property
    def standard_error(self) -> float:
        """Standard deviation of the draws; infinite where they do not vary."""
        error = float(self.draws.std())
        return error if error > 0 else math.inf

    @property
    def df(self) -> float:
        """Infinite: quantiles are those of the draws."""
        return math.inf

    @property
    def one_sided(self) -> bool:
        """Each side has its own draws."""
        return True

    def quantile(self, tail: float) -> float:
        """The normal quantile that names this tail probability."""
        from scipy.special import ndtri

        return -float(ndtri(tail))

    def distances(self, quantile: float) -> Interval:
        """How far the draws reach above zero (the lower limit's distance) and below it, at this quantile's tail."""
        from scipy.special import ndtr

        # A hair more, so that a level's own tail is not lost to rounding.
        reached = math.floor(float(ndtr(-quantile)) * (self.draws.size + 1) * (1 + 1e-12))
        if reached < 1:
            return math.inf, math.inf
        above, below = float(self.draws[-reached]), float(self.draws[reached - 1])
        # Where the arms are as unlike as they can be drawn (an arm without any outcome) and yet that is not rare, the draws
        # do not tell how far the effect may lie beyond.
        at_top = self.difference >= self.draws[-1] - self._slack and above >= self.difference - self._slack
        at_bottom = self.difference <= self.draws[0] + self._slack and below <= self.difference + self._slack
        # Units of unlike size make such draws differ a little; they are the same for all that.
        at_top |= reached <= self.bare[0] * self.draws.size
        at_bottom |= reached <= self.bare[1] * self.draws.size
        return (math.inf if at_top else max(0.0, above)), (math.inf if at_bottom else max(0.0, -below))

    @property
    def _slack(self) -> float:
        # Sums of the same values in another order differ by rounding.
        return 1e-9 * max(abs(self.difference), float(np.abs(self.draws).max(initial=0.0)))

    def tail(self) -> float:
        """One-sided p-value of no effect on the side of the difference; at most a half."""
        if self.difference == 0:
            return 0.5
        if self.difference > 0:
            beyond = self.draws.size - int(np.searchsorted(self.draws, self.difference - self._slack, side="left"))
        else:
            beyond = int(np.searchsorted(self.draws, self.difference + self._slack, side="right"))
        return min(0.5, (1 + beyond) / (1 + self.draws.size))

    def relative_limits(self, quantile: float, verdict: int) -> Interval:  # noqa: ARG002 (nothing is known)
        """Nothing is excluded."""
        return -math.inf, math.inf


def permutation_lift(
    outcome: NDArray[np.float64],
    size: NDArray[np.float64],
    in_control: NDArray[np.bool_],
    empty: tuple[int, int] = (0, 0),
) -> LiftEstimate:
    """Σy_T/Σm_T − Σy_C/Σm_C over assigned units, against the same difference where as many units are drawn at random.

    Args:
        outcome: y of each unit (a user, or a household or account assigned as one), (units,).
        size: m of each unit: its users, or 1, (units,).
        in_control: whether the unit is held out, (units,).
        empty: further units of size 1 without any outcome, treated and control.
    """
    rng = np.random.default_rng(SEED)
    units = outcome.size + sum(empty)
    total, everybody = float(outcome.sum()), float(size.sum()) + sum(empty)
    held_out = int(in_control.sum()) + empty[1]
    draws = int(np.clip(STEPS // max(outcome.size, 1), FEWEST_DRAWS, MOST_DRAWS))
    even = bool((size == 1).all())
    left = np.full(draws, held_out, dtype=np.float64)
    control_sum = np.zeros(draws)
    control_size = np.zeros(draws)
    # In an order of their own, so that the order of a table's rows plays no part.
    order = np.lexsort((size, outcome))
    for number, (y, m) in enumerate(zip(outcome[order].tolist(), size[order].tolist(), strict=True)):
        # The next unit is held out with the share of the places in the control that are still free.
        drawn = rng.random(draws) * (units - number) < left
        left -= drawn
        control_sum += y * drawn
        if not even:
            control_size += m * drawn
    # Units without outcome fill the rest.
    control_size = np.full(draws, float(held_out)) if even else control_size + left
    shuffled = _difference(total, everybody, control_sum, control_size)
    own_sum, own_size = float(outcome[in_control].sum()), float(size[in_control].sum()) + empty[1]
    found = _difference(total, everybody, np.array([own_sum]), np.array([own_size]))
    slack = 1e-9 * abs(total)
    bare = (
        float((np.abs(control_sum) <= slack).mean()) if total and abs(own_sum) <= slack else 0.0,
        float((np.abs(total - control_sum) <= slack).mean()) if total and abs(total - own_sum) <= slack else 0.0,
    )
    return LiftEstimate(PermutationDistribution(float(found[0]), own_sum / own_size, np.sort(shuffled), bare))


def _difference(
    total: float, everybody: float, control_sum: NDArray[np.float64], control_size: NDArray[np.float64]
) -> NDArray[np.float64]:
    result: NDArray[np.float64] = (total - control_sum) / (everybody - control_size) - control_sum / control_size
    return result
