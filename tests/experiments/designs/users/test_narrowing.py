"""What would halve the width of a test, checked by the formula it must satisfy."""

import math

import pytest

from experiments.designs.users.narrowing import narrowing
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.user.user_test import user_holdout_test


def counted(users, rate):
    return ArmStatistics.from_converters(users, round(users * rate))


def width_at(share, with_ads, without):
    return math.sqrt(with_ads.variance / (1 - share) + without.variance / share)


@pytest.mark.parametrize("share", [0.01, 0.02, 0.05])
def test_the_halving_share_halves_the_width(share):
    treated, control = counted(int(1e6 * (1 - share)), 0.03), counted(int(1e6 * share), 0.02)
    found = narrowing(user_holdout_test(treated, control, 0))
    assert width_at(found.halving_share, treated, control) == pytest.approx(width_at(share, treated, control) / 2)
    assert share < found.halving_share < found.best_share
    assert found.summary() == f"hold out {found.halving_share:.0%} instead of {share:.0%}"


def test_the_best_share_is_the_best_and_no_share_halves_a_balanced_test():
    treated, control = counted(60_000, 0.03), counted(40_000, 0.02)
    found = narrowing(user_holdout_test(treated, control, 0))
    best = width_at(found.best_share, treated, control)
    assert best < min(width_at(found.best_share + step, treated, control) for step in (-0.01, 0.01))
    assert found.best_width == pytest.approx(best / width_at(0.4, treated, control))
    assert math.isnan(found.halving_share)
    assert found.summary().startswith("cannot be halved by holding out more people; ")


@pytest.mark.parametrize(("with_ads", "without"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.1)])
def test_an_arm_whose_outcomes_never_vary_says_nothing(with_ads, without):
    found = narrowing(user_holdout_test(counted(900, with_ads), counted(100, without), 0))
    assert found.summary() == "unknown: in one arm no outcome varies"
