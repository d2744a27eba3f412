"""Misjudged: a factor only where it is known, a bound where only that is, and an interval that holds what it says."""

import math

import numpy as np
import pytest

from experiments.comparison.misjudged import _words, interval_of_caused
from experiments.truth.order_labels import ALWAYS, CAUSED, OrderLabels, Orders


def labels(caused: int, prevented: int, *, per_person: int = 1, always: int = 0) -> OrderLabels:
    """Orders of people of their own, or several of each person."""

    def ids(number: int, first: int) -> np.ndarray:
        return ((np.arange(number) // per_person + first) << 32) + np.arange(number) % per_person

    order_id = np.concatenate([ids(caused, 0), ids(always, 10_000)])
    label = np.r_[np.full(caused, CAUSED), np.full(always, ALWAYS)].astype(np.uint8)
    gone = ids(prevented, 20_000)
    return OrderLabels(order_id, label, Orders(gone, np.zeros(prevented), np.zeros(prevented, np.int64)))


def test_many_caused_orders_have_the_limits_of_a_count() -> None:
    low, high = interval_of_caused(labels(400, 0))
    assert (low, high) == pytest.approx((400 - 1.96 * 20.5, 400 + 1.96 * 20.5), abs=3)


def test_nothing_caused_leaves_room_for_a_few() -> None:
    low, high = interval_of_caused(labels(0, 0, always=50))
    assert high == pytest.approx(3.84, abs=0.01)
    assert low == -high


def test_prevented_orders_count_against_and_widen() -> None:
    low, high = interval_of_caused(labels(100, 100))
    assert low < 0 < high
    assert high - low > np.subtract(*reversed(interval_of_caused(labels(100, 0))))


def test_several_orders_of_one_person_say_less_than_as_many_people() -> None:
    narrow = np.subtract(*interval_of_caused(labels(40, 0)))
    wide = np.subtract(*interval_of_caused(labels(40, 0, per_person=4)))
    assert abs(wide) > 1.5 * abs(narrow)


@pytest.mark.parametrize(("mean", "lost"), [(3.0, 0.0), (25.0, 5.0), (200.0, 20.0)])
def test_the_interval_holds_what_markets_like_this_one_show(mean: float, lost: float) -> None:
    """2,000 markets with Poisson counts: within 3.3 standard errors of 95 %, or above; false alarm once in 2,000."""
    rng = np.random.default_rng(5)
    pairs = np.column_stack([rng.poisson(mean, 2_000), rng.poisson(lost, 2_000)])
    distinct, count = np.unique(pairs, axis=0, return_counts=True)
    limits = [interval_of_caused(labels(c, p)) for c, p in distinct]
    held = sum(n for (low, high), n in zip(limits, count, strict=True) if low <= mean - lost <= high)
    assert held / 2_000 >= 0.95 - 3.3 * math.sqrt(0.95 * 0.05 / 2_000)


@pytest.mark.parametrize(
    ("credited", "caused", "interval", "known", "said"),
    [
        (100, 50, (40, 62), 55, "over-credited 2.0×"),
        (50, 100, (80, 120), 100, "under-credited 2.0×"),
        (0, 100, (80, 120), 100, "under-credited"),
        (100, 100, (80, 120), 100, "fair"),
        (124, 100, (95, 105), 100, "fair"),
        (140, 100, (70, 130), 100, "cannot tell"),  # 1.4 times, but the interval reaches fair
        (72, 100, (70, 130), 100, "cannot tell"),
        (69, 1, (-1, 5), 1, "over-credited 14×+"),  # from one order, only a bound
        (5, 1, (-1, 5), 1, "cannot tell"),
        (10, -3, (-9, -1), 2, "over-credited"),
        (3, 40, (28, 55), 19, "cannot tell"),
    ],
)
def test_words(credited: float, caused: float, interval: tuple[float, float], known: int, said: str) -> None:
    assert _words(1_000.0, credited, caused, interval, nothing=False, known=known) == said


def test_money_that_caused_nothing_and_ads_that_cost_nothing_have_words_of_their_own() -> None:
    assert _words(10.0, 5.0, 0.0, (-3.8, 3.8), nothing=True, known=0) == "caused nothing"
    assert _words(0.0, 5.0, 3.0, (1.0, 5.0), nothing=False, known=3) == "free"
