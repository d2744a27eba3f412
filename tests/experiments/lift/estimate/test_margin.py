"""Non-inferiority and equivalence: what switching ads off would cost, against a margin chosen before."""

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.margin import margin_test
from experiments.lift.user.user_test import user_lift


def lift_of(treated, control, users=20_000):
    return user_lift(ArmStatistics.from_converters(users, treated), ArmStatistics.from_converters(users, control))


def test_the_share_lost_is_that_of_the_conversions_with_ads():
    found = margin_test(lift_of(1_000, 900), 0.2)
    assert found.switching_off_costs == pytest.approx(0.1)
    low, high = found.limits(0.95)
    # One-sided limits at 95 % are the ends of the two-sided interval of the lift at 90 %.
    bounds = lift_of(1_000, 900).relative_interval(0.90)
    assert (low, high) == pytest.approx(tuple(bound / (1 + bound) for bound in bounds))


@pytest.mark.parametrize(("margin", "shown"), [(0.02, False), (0.05, False), (0.15, True), (0.3, True)])
def test_verdict_limit_and_p_value_agree(margin, shown):
    found = margin_test(lift_of(1_000, 960), margin)
    for level in (0.9, 0.95):
        assert (found.noninferiority_p_value < 1 - level) == (found.limits(level)[1] < margin)
    row = found.to_frame().set_index("level").loc[0.95]
    assert row["noninferior"] == shown
    assert ("costs at most" in found.summary()) == shown


def test_equivalence_needs_both_sides():
    better_without = margin_test(lift_of(800, 1_000), 0.1, (0.95,)).to_frame().iloc[0]
    assert better_without["noninferior"]
    assert not better_without["equivalent"]
    assert margin_test(lift_of(10_000, 10_000, 200_000), 0.05).to_frame()["equivalent"].all()


def test_it_errs_as_often_as_it_says_at_the_margin():
    # Switching off costs just 10 %: "less than 10 %" is found in 5 % of 2,000 tests, ± 3.3·√(.05·.95/2000) = 1.6 %.
    rng = np.random.default_rng(1)
    counts = rng.binomial(20_000, [0.05, 0.045], (2_000, 2)).tolist()
    found = np.mean([margin_test(lift_of(*pair), 0.1).limits(0.95)[1] < 0.1 for pair in counts])
    assert found == pytest.approx(0.05, abs=0.016)


def test_no_conversion_without_ads_shows_nothing():
    found = margin_test(lift_of(12, 0, 500), 0.2)
    assert found.noninferiority_p_value == 1.0
    assert "no upper limit" in found.summary()


def test_margins_that_are_none_are_refused():
    with pytest.raises(LiftInputError, match="margin: 5 must lie between 0 and 1"):
        margin_test(lift_of(10, 10), 5)
