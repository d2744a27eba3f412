"""Measures of a model's error: by hand, at their ends, and where they have no meaning."""

import math

import numpy as np
import pytest

from experiments.bench.measures import ceiling, measures

CAUSED, COST = np.array([40.0, 10.0, 0.0]), np.array([400.0, 400.0, 200.0])


def test_the_truth_itself_has_no_error() -> None:
    found = measures(CAUSED, CAUSED, COST, 20.0)
    assert (found.error, found.total_error, found.log_cpa, found.decisions) == (0.0, 0.0, 0.0, 1.0)
    assert (found.rank, found.r_squared) == (pytest.approx(1.0), pytest.approx(1.0))


def test_by_hand() -> None:
    found = measures(np.array([20.0, 20.0, 10.0]), CAUSED, COST, 20.0)
    assert found.error == pytest.approx((20 + 10 + 10) / 50)
    assert found.total_error == pytest.approx(0.0)
    assert found.log_cpa == pytest.approx(math.log(2))  # both priced channels are off by a factor of two
    assert found.decisions == pytest.approx(400 / 1000)  # only the first pays under both
    assert math.isnan(found.rank)  # every channel has the same credit per unit of cost


def test_a_wrong_order_has_a_negative_rank_and_a_wrong_total_its_sign() -> None:
    found = measures(np.array([0.0, 10.0, 40.0]), CAUSED, COST, 20.0)
    assert found.rank < 0
    assert measures(2 * CAUSED, CAUSED, COST, 20.0).total_error == pytest.approx(1.0)
    assert measures(CAUSED / 2, CAUSED, COST, 20.0).total_error == pytest.approx(-0.5)


def test_where_nothing_was_caused_or_paid_there_is_no_measure() -> None:
    nothing = measures(CAUSED, np.zeros(3), COST, 20.0)
    assert math.isnan(nothing.error)
    assert math.isnan(nothing.total_error)
    assert all(math.isnan(x) for x in vars(measures(CAUSED, CAUSED, np.zeros(3), 20.0)).values())


def test_the_ceiling_falls_with_the_noise_of_the_truth() -> None:
    assert ceiling(CAUSED, np.zeros(3), COST) == 1.0
    assert 0 < ceiling(CAUSED, CAUSED, COST) < 1.0
    assert ceiling(CAUSED, 1e6 * np.ones(3), COST) == 0.0
    assert math.isnan(ceiling(COST, COST, COST))
