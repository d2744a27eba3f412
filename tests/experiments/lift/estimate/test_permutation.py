"""Limits from drawing the arms anew: against all draws counted, and against the hypergeometric law."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import hypergeom

from experiments.lift.estimate.permutation import permutation_lift


def test_the_p_value_is_that_of_all_draws():
    rng = np.random.default_rng(1)
    value = rng.gamma(1.0, 10.0, 10)
    control = np.arange(10) >= 6
    lift = permutation_lift(value, np.ones(10), control)
    everything = [
        np.delete(value, drawn).mean() - value[list(drawn)].mean() for drawn in itertools.combinations(range(10), 4)
    ]
    observed = value[~control].mean() - value[control].mean()
    assert lift.difference == pytest.approx(observed)
    side = 1 if observed > 0 else -1
    exact = np.mean(np.array(everything) * side >= abs(observed) - 1e-9)
    # 9,999 draws: 4 standard errors of the share.
    assert lift.p_value() == pytest.approx(min(1.0, 2 * exact), abs=8 * math.sqrt(exact * (1 - exact) / 9_999))


def test_users_without_outcome_count_without_being_drawn():
    # 12 buyers of equal value among 500 users, of whom 3 in a holdout of 50: the hypergeometric law.
    control = np.arange(12) < 3
    lift = permutation_lift(np.ones(12), np.ones(12), control, (450 - 9, 50 - 3))
    assert lift.difference == pytest.approx(9 / 450 - 3 / 50)
    tail = float(hypergeom.sf(2, 500, 12, 50))
    assert lift.p_value() == pytest.approx(2 * tail, abs=8 * math.sqrt(tail * (1 - tail) / 9_999))


def test_the_order_of_the_rows_plays_no_part():
    rng = np.random.default_rng(2)
    value, control = rng.gamma(1.0, 10.0, 60), np.arange(60) % 5 == 0
    shuffled = rng.permutation(60)
    one = permutation_lift(value, np.ones(60), control)
    other = permutation_lift(value[shuffled], np.ones(60), control[shuffled])
    assert one.interval() == pytest.approx(other.interval())
    assert one.p_value() == other.p_value()


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99])
def test_p_value_and_interval_agree(level):
    rng = np.random.default_rng(3)
    for _ in range(40):
        units = int(rng.integers(8, 60))
        control = rng.permutation(units) < max(2, units // 5)
        value = rng.gamma(0.5, 10.0, units) * (1 + 2 * ~control)
        lift = permutation_lift(value, np.ones(units), control)
        low, high = lift.interval(level)
        assert (lift.p_value() < round(1 - level, 12)) == (not low <= 0 <= high)


def test_an_arm_without_any_outcome_that_is_not_rare_bounds_nothing():
    lift = permutation_lift(np.full(6, 10.0), np.ones(6), np.zeros(6, bool), (594, 100))
    assert lift.p_value() > 0.05
    assert lift.interval()[0] == -math.inf
    # Nothing bought anywhere says nothing about value either.
    assert permutation_lift(np.zeros(0), np.zeros(0), np.zeros(0, bool), (50, 50)).interval() == (-math.inf, math.inf)
