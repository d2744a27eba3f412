"""Paired ratio: actions of one record over those of another of the same people, and how sure it is (a factor).

Two records of the same events differ in the few actions that one has and the other has not, so the ratio is far more certain
than either count, but never more than those few allow. Where a record keeps all of a handful of actions, nobody knows yet
which share it keeps in the long run.
"""

import math

import numpy as np

from experiments.rollout.reported_cpa import ClaimedByPerson, Floats

__all__ = ["paired_interval", "paired_variance", "prior_variance"]

# Jeffreys' prior of a Poisson rate, in actions: of those that only the first record has, and of those of the second.
PRIOR = 0.5


def paired_interval(
    before: ClaimedByPerson,
    after: ClaimedByPerson,
    volume: float,
    rng: np.random.Generator,
    *,
    level: float,
    replicates: int,
) -> tuple[float, float]:
    """The interval of Σ before / Σ after in another market, `volume` times as large: (Σ w·b + γ) / (Σ w·a + γ').

    w is a weight per person with mean 1 and variance 1 + 1/volume: a Bayesian bootstrap over the people simulated, from whom
    the ratio is known, and the chance of the market it is meant for. γ and γ' are half an action each with as much
    noise, which is Jeffreys' prior: of n actions that are all kept, the share kept is Beta(n, ½).

    Args:
        before, after: actions per person in the two records.
        volume: people of the market over people simulated.
        rng: of the bootstrap.
        level: confidence level.
        replicates: of the bootstrap.

    Returns:
        Its ends; nan where one of the records has no action.

    Source: Rubin (1981), "The Bayesian bootstrap", Annals of Statistics 9(1).
    """
    if before.total <= 0 or after.total <= 0:
        return math.nan, math.nan
    amounts = np.column_stack(amounts_of(before, after))
    shape = 1.0 / (1.0 + 1.0 / volume)
    ratios = np.empty(replicates)
    for i in range(replicates):
        weights = rng.gamma(shape, size=len(amounts)) / shape
        sums = weights @ amounts + rng.gamma(PRIOR * shape, size=2) / shape
        ratios[i] = sums[0] / sums[1]
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_variance(before: ClaimedByPerson, after: ClaimedByPerson) -> float:
    """Variance of ln(Σ before / Σ after) over the people simulated: Σ (b/Σb − a/Σa)²; nan where a record has no action."""
    if before.total <= 0 or after.total <= 0:
        return math.nan
    own, other = amounts_of(before, after)
    return float(np.sum((own / before.total - other / after.total) ** 2))


def prior_variance(before: ClaimedByPerson, after: ClaimedByPerson) -> float:
    """What the half actions of `paired_interval` add to that variance: ½/(Σb)² + ½/(Σa)²."""
    if before.total <= 0 or after.total <= 0:
        return math.nan
    return PRIOR / before.total**2 + PRIOR / after.total**2


def amounts_of(before: ClaimedByPerson, after: ClaimedByPerson) -> tuple[Floats, Floats]:
    """Actions of everybody who has one in either record, (people,) each."""
    people = np.union1d(before.user, after.user)
    amounts = np.zeros((2, len(people)))
    for row, claimed in zip(amounts, (before, after), strict=True):
        row[np.searchsorted(people, claimed.user)] = claimed.amount
    return amounts[0], amounts[1]
