"""Intervals over people: they hold what markets like this one show."""

import math

import numpy as np
import pytest

from experiments.truth.markets_like_it import interval_of_caused, interval_over_people
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


def test_the_interval_over_people_is_that_of_their_labels() -> None:
    gained = np.r_[np.full(10, 4.0), np.full(3, -1.0), np.zeros(50)]
    wide = labels(40, 3, per_person=4)
    assert interval_over_people(gained)[0] < interval_over_people(gained)[1]
    one_each = np.r_[np.ones(40), -np.ones(3)]
    assert interval_over_people(one_each) == pytest.approx(interval_of_caused(labels(40, 3)))
    assert interval_of_caused(wide)[1] > interval_over_people(one_each)[1]
