"""Markets like it: how far what ads caused would differ among other people of the same kind (orders, 95 %).

People live independently of one another, so what ads caused among them varies from market to market as a count does.
"""

import math

import numpy as np
import numpy.typing as npt

from experiments.truth.order_labels import CAUSED, Life, OrderLabels, Orders, since_parting

__all__ = ["interval_of_caused", "interval_over_people", "orders_lost_by_person"]

Z = 1.959964  # two-sided 95 %


def interval_of_caused(labels: OrderLabels) -> tuple[float, float]:
    """95 % interval of caused − prevented orders in markets like this one; see `interval_over_people`.

    Args:
        labels: of a channel's average effect.

    Returns:
        Lower and upper limit, in orders.
    """
    caused = labels.order_id[labels.label == CAUSED] >> 32
    prevented = labels.prevented_orders.order_id >> 32
    people, place = np.unique(np.concatenate([caused, prevented]), return_inverse=True)
    sign = np.r_[np.ones(len(caused)), -np.ones(len(prevented))]
    return interval_over_people(np.bincount(place, weights=sign, minlength=len(people)).astype(np.float64))


def interval_over_people(gained: npt.NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of a sum over people, each of whom gained or lost a few orders.

    The orders gained and those lost are counts, each with its score limits, x + z²/2 ± z·√(x + z²/4), widened where one
    person has several such orders; the limits of the difference combine them (MOVER).

    Args:
        gained: orders more, or fewer, of each person (people,); those of others are 0 and may be left out.

    Returns:
        Lower and upper limit, in orders.

    Source: Newcombe (1998), Statistics in Medicine 17, for the combination of limits.
    """
    orders = float(np.abs(gained).sum())
    spread = max(float(np.sum(gained**2)) / orders, 1.0) if orders else 1.0
    more, fewer = float(gained[gained > 0].sum()), float(-gained[gained < 0].sum())
    (c, c_low, c_high), (p, p_low, p_high) = (_limits(own, spread) for own in (more, fewer))
    return (
        c - p - math.sqrt((c - c_low) ** 2 + (p_high - p) ** 2),
        c - p + math.sqrt((c_high - c) ** 2 + (p - p_low) ** 2),
    )


def orders_lost_by_person(fact: Orders, life: Life) -> npt.NDArray[np.float64]:
    """Orders of each person that the factual world has more than this one (users,)."""
    users = len(life.parted)
    here = np.bincount(fact.order_id[since_parting(fact, life)] >> 32, minlength=users)
    there = np.bincount(life.orders.order_id >> 32, minlength=users)
    return here.astype(np.float64) - there.astype(np.float64)


def _limits(count: float, spread: float) -> tuple[float, float, float]:
    """A count and its score limits, for a variance of `spread` per order."""
    z = Z * math.sqrt(spread)
    half = z * math.sqrt(count + z**2 / 4)
    return count, max(count + z**2 / 2 - half, 0.0), count + z**2 / 2 + half
