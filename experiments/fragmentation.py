"""Fragmentation: what happens to an estimate when one person is taken for several (difference in conversion per exposure).

Lin and Misra (2022), "The Identity Fragmentation Bias", Marketing Science 41(3): the bias cannot be signed or bounded, and turns
signs around even in experiments.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from experiments.lift.user import UserLiftTest, user_holdout_test
from simulator.record.happened import Happened, blocks
from simulator.record.identity import recognise
from simulator.record.regime import Regime
from simulator.world import World

Floats = npt.NDArray[np.float64]


def exposure_slope(exposures: npt.ArrayLike, purchases: npt.ArrayLike) -> float:
    """Σ (x − x̄)(y − ȳ) / Σ (x − x̄)²: the least-squares slope of purchases on exposures, one entry per identity."""
    x, y = np.asarray(exposures, np.float64), np.asarray(purchases, np.float64)
    apart = x - x.mean()
    return float(apart @ (y - y.mean()) / (apart @ apart))


@dataclass(frozen=True)
class CookieLiftTest:
    """A holdout test read twice: on people, as it was randomised, and on cookies, each with an arm of its own.

    Attributes:
        on_people: the test as it should be read.
        on_cookies: the same orders and the same ads, with every cookie taken for a person in the arm the cookie drew.
        contaminated_share: share of orders by people who have cookies in both arms.
    """

    on_people: UserLiftTest
    on_cookies: UserLiftTest
    contaminated_share: float
