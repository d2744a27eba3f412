"""Sufficient statistics of an arm."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics, PairStatistics

outcomes = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


@given(outcomes)
def test_mean_and_variance_are_those_of_the_values(values):
    arm = ArmStatistics.from_values(values)
    scale = 1 + np.max(np.abs(values)) ** 2
    assert arm.mean == pytest.approx(np.mean(values), abs=1e-9 * scale)
    if not arm.is_binary:
        assert arm.variance == pytest.approx(np.var(values, ddof=1), rel=1e-6, abs=1e-9 * scale)


@given(outcomes, outcomes)
def test_shards_add_up(first, second):
    together = ArmStatistics.from_values(first) + ArmStatistics.from_values(second)
    whole = ArmStatistics.from_values(first + second)
    assert together.users == whole.users
    assert together.sum == pytest.approx(whole.sum, abs=1e-6)
    assert together.sum_squares == pytest.approx(whole.sum_squares, rel=1e-9)


def test_pairs_have_the_covariance_of_their_values():
    rng = np.random.default_rng(1)
    y, x = rng.normal(3, 1, 50), rng.normal(-2, 4, 50)
    pairs = PairStatistics.from_values(y[:20], x[:20]) + PairStatistics.from_values(y[20:], x[20:])
    assert pairs.covariance == pytest.approx(np.cov(y, x)[0, 1])


def test_binary_outcomes_have_the_variance_of_a_proportion():
    arm = ArmStatistics.from_converters(10, 4)
    assert arm.is_binary
    assert arm.variance == pytest.approx(0.24)


def test_repeat_conversions_are_counts_and_not_binary():
    arm = ArmStatistics.from_values([0, 1, 2])
    assert arm.is_count
    assert not arm.is_binary


def test_money_is_no_count():
    assert not ArmStatistics.from_values([0.0, 12.5]).is_count
    assert not ArmStatistics.from_values([-3.0, 1.0]).is_count


def test_nobody_has_no_mean():
    arm = ArmStatistics(0, 0.0, 0.0)
    assert math.isnan(arm.mean)
    assert math.isnan(arm.variance)


def test_impossible_sums_are_refused_all_at_once():
    with pytest.raises(LiftInputError) as refusal:
        ArmStatistics(-1, math.inf, 1.0)
    assert len(refusal.value.lines) == 2
    with pytest.raises(LiftInputError, match="Σy², not a variance"):
        ArmStatistics(10, 100.0, 3.0)
    with pytest.raises(LiftInputError, match="every user"):
        PairStatistics(ArmStatistics(2, 1.0, 1.0), ArmStatistics(3, 1.0, 1.0), 1.0)
    with pytest.raises(LiftInputError, match="Σxy"):
        PairStatistics(ArmStatistics(2, 1.0, 1.0), ArmStatistics(2, 1.0, 1.0), 5.0)
