"""Intervals by test inversion: they hold the effects that are not rejected, wherever those lie."""

import math

import pytest

from experiments.lift.estimate import LiftEstimate
from experiments.lift.geo.conformal import TestInversionLaw


def law(peak, *, estimate=0.0, width=10.0, highest=1.0):
    """A p-value that falls from `highest` at `peak` to nothing `width` away."""
    return TestInversionLaw(
        estimate, 1_000.0, lambda effect: highest * max(0.0, 1 - abs(effect - peak) / width), spread=3.0
    )


@pytest.mark.parametrize("peak", [0.0, 4.0, -4.0])
def test_the_interval_holds_exactly_what_the_test_does_not_reject(peak):
    # 1 − |e|/10 ≥ 0.1 within nine of the peak; ends are found to a 4096th of a spread's doublings.
    lower, upper = LiftEstimate(law(peak, estimate=1.0)).interval(0.9)
    assert (lower, upper) == pytest.approx((peak - 9.0, peak + 9.0), abs=0.02)


@pytest.mark.parametrize(("peak", "expected"), [(25.0, (1.0, 34.0)), (-25.0, (-34.0, 1.0))])
def test_where_the_estimate_is_rejected_the_interval_reaches_from_it_to_what_is_not(peak, expected):
    # The point least rejected is found to half a spread; a p-value of 0.9 instead of 1 there.
    assert LiftEstimate(law(peak, estimate=1.0)).interval(0.9) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("estimate", [-30.0, -1.0, 1.0, 30.0])
@pytest.mark.parametrize("peak", [-12.0, -9.5, -8.0, 0.0, 8.0, 9.5, 12.0])
def test_it_excludes_zero_exactly_where_p_is_small_though_the_estimate_lies_elsewhere(peak, estimate):
    found = LiftEstimate(law(peak, estimate=estimate))
    lower, upper = found.interval(0.9)
    assert (found.p_value() < 0.1) == (lower > 0 or upper < 0)
    below, above = found.law.distances(1.6448536269514722)
    assert (found.p_value() < 0.1) == (not -below <= -estimate <= above)


def test_where_every_effect_is_rejected_nothing_is_known():
    lower, upper = LiftEstimate(law(5.0, estimate=1.0, highest=0.04)).interval(0.9)
    assert math.isinf(upper)
    assert lower <= math.ulp(0.0)
