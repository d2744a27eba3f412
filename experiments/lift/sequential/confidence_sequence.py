"""Always-valid lift: intervals and p-values that hold however often, and whenever, a running test is read."""

import math
from dataclasses import dataclass, replace

from cpalab.refusal import refuse
from experiments.lift.estimate.lift_estimate import LiftEstimate, significance
from experiments.lift.sequential.read_while_running import EarlyReadingDistribution, normal_distribution

__all__ = ["NormalMixtureDistribution", "always_valid"]


@dataclass(frozen=True)
class NormalMixtureDistribution(EarlyReadingDistribution):
    """The distribution of a normal-mixture confidence sequence: |difference| ≤ q(α)·se at every reading at once.

    q(α)² = 2·(r + 1)/r · ln(√(r + 1)/α) for mixing ratio r, the information so far over the variance of the
    mixture; the p-value is min(1, √(r + 1)·exp(−z²·r/(2(r + 1)))).

    Args:
        mixing_ratio: r; proportional to the number of users so far.
    """

    mixing_ratio: float = 1.0

    def quantile(self, tail: float) -> float:
        """q(2·tail)."""
        r = self.mixing_ratio
        return math.sqrt(2 * (r + 1) / r * (math.log1p(r) / 2 - math.log(2 * tail)))

    def tail(self) -> float:
        """Half the always-valid p-value."""
        r, z = self.mixing_ratio, self.z
        return math.exp(min(0.0, math.log1p(r) / 2 - z**2 * r / (2 * (r + 1)))) / 2


def always_valid(lift: LiftEstimate, information_fraction: float, *, tuned_level: float = 0.95) -> LiftEstimate:
    """The lift as it may be read at any time, with no looks planned: a normal-mixture confidence sequence.

    The price is width: about 1.6 to 1.7 times a fixed interval where it is tuned to be narrowest, more
    elsewhere. It holds asymptotically; with few conversions take the score limits (`user_lift` does).

    Args:
        lift: the estimate so far.
        information_fraction: users so far ÷ users at which the sequence shall be narrowest (the planned end).
        tuned_level: level at which it is narrowest there; other levels stay valid.

    Raises:
        LiftInputError: a fraction that is not positive; a lift by test inversion.

    Source: Robbins (1970), Annals of Mathematical Statistics 41(5); Waudby-Smith et al. (2024), Annals of
    Statistics 52(6), for the asymptotic version and the tuning.

    Example:
        >>> from experiments.lift import ArmStatistics, always_valid, user_holdout_test
        >>> treated, control = ArmStatistics(9000, 4500, 4500), ArmStatistics(9000, 4000, 4000)
        >>> lift = user_holdout_test(treated, control, None, method="welch").lift
        >>> always = always_valid(lift, information_fraction=0.5)
        >>> always.p_value() > lift.p_value()
        True
    """
    if not 0 < information_fraction < math.inf:
        refuse([f"information_fraction: {information_fraction} must be positive; users so far ÷ users planned"])
    cost = -2 * math.log(significance(tuned_level))
    mixing_ratio = information_fraction * (cost + math.log1p(cost))
    return replace(lift, distribution=NormalMixtureDistribution(normal_distribution(lift.distribution), mixing_ratio))
