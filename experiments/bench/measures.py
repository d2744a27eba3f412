"""Measures of a model's error: credited against incremental conversions per channel, and the decisions that follow."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "Measures", "ceiling", "measures", "squared_correlation"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """How far a model's credit is from the truth in one world.

    Attributes:
        error: Σ|credited − caused| ÷ Σ|caused| over channels; 0 is perfect.
        total_error: (Σ credited − Σ caused) ÷ Σ caused: credit for what would have come anyway.
        log_cpa: mean |ln(attributed CPA ÷ incremental CPA)| over channels that have both, weighted by cost.
        rank: Kendall's τ of attributed against incremental conversions per unit of cost.
        r_squared: squared correlation of the same two, weighted by cost.
        decisions: share of the cost on which the model and the truth agree whether the channel pays.
    """

    error: float
    total_error: float
    log_cpa: float
    rank: float
    r_squared: float
    decisions: float


def measures(credited: Floats, caused: Floats, cost: Floats, cost_limit: float) -> Measures:
    """All measures of one model in one world.

    Args:
        credited: conversions credited to each paid channel, nan where a method cannot say (channels,).
        caused: conversions that its ads caused (channels,).
        cost: what it cost, in currency (channels,).
        cost_limit: the most that a conversion may cost, in currency: above, a channel does not pay.

    Returns:
        The measures; nan where a measure has no meaning (nothing caused, one channel, nothing paid, credit unknown).
    """
    from scipy.stats import kendalltau

    paid = cost > 0
    credited, caused, cost = credited[paid], caused[paid], cost[paid]
    if not len(cost):
        return Measures(*([math.nan] * 6))
    whole = float(np.abs(caused).sum())
    known = bool(np.isfinite(credited).all())
    both = (credited > 0) & (caused > 0)
    yields = credited / cost, caused / cost
    varied = len(cost) > 1 and all(np.ptp(own) > 0 for own in yields)
    pays = [own * cost_limit >= 1 for own in yields]
    log_ratio = np.abs(np.log(caused[both] / credited[both]))
    return Measures(
        error=float(np.abs(credited - caused).sum()) / whole if whole else math.nan,
        total_error=float(credited.sum() - caused.sum()) / float(caused.sum()) if caused.sum() > 0 else math.nan,
        log_cpa=float(np.average(log_ratio, weights=cost[both])) if both.any() else math.nan,
        rank=float(kendalltau(*yields).statistic) if varied else math.nan,
        r_squared=squared_correlation(*yields, cost),
        decisions=float(cost[pays[0] == pays[1]].sum() / cost.sum()) if known else math.nan,
    )


def ceiling(caused: Floats, variance: Floats, cost: Floats) -> float:
    """Noise ceiling of `r_squared`: 1 − Σ w·v/c² ÷ Σ w·(t/c − mean)², for variance v of the caused conversions t at cost c.

    Args:
        caused, variance, cost: of each paid channel (channels,).

    Returns:
        What even the true effects of another market like it would reach; nan where the truth does not vary.
    """
    paid = cost > 0
    yields, noise = caused[paid] / cost[paid], variance[paid] / cost[paid] ** 2
    weight = cost[paid]
    if len(yields) < 2 or np.ptp(yields) == 0:
        return math.nan
    spread = float(np.average((yields - np.average(yields, weights=weight)) ** 2, weights=weight))
    return max(1 - float(np.average(noise, weights=weight)) / spread, 0.0)


def squared_correlation(x: Floats, y: Floats, weight: Floats) -> float:
    """R² of two quantities, weighted; nan where one of them does not vary."""
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    centred = [own - np.average(own, weights=weight) for own in (x, y)]
    covariance = float(np.average(centred[0] * centred[1], weights=weight))
    return covariance**2 / math.prod(float(np.average(own**2, weights=weight)) for own in centred)
