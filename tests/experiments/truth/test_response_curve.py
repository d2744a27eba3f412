"""Response curves: dose 1 is the world as it ran, and other doses are what markets with such bids or budgets show."""

import math

import pytest

from cpalab.refusal import ScenarioError
from experiments.truth.effects import measure_truth
from experiments.truth.response_curve import check_curve, response_curve
from simulator.world import simulate

SOCIAL = "channels.social_prospecting.campaigns.lookalikes"


@pytest.fixture(scope="module")
def curve(unlimited):
    return response_curve(unlimited, "social_prospecting", [0.5, 2.0])


def dose_of(curve, dose):
    return next(own for own in curve.doses if own.dose == dose)


def test_the_channel_as_it_ran_has_its_average_effect_and_off_has_none(unlimited, curve):
    effect = measure_truth(unlimited).effect("social_prospecting")
    now, off = dose_of(curve, 1.0), dose_of(curve, 0.0)
    assert (now.conversions, now.cost_micros) == (effect.incremental_conversions, effect.cost_micros)
    assert (off.conversions, off.cost_micros, off.lower, off.upper) == (0, 0, 0.0, 0.0)
    assert now.average_cpa == effect.cost_per_incremental_conversion


def test_higher_bids_bring_what_a_market_with_such_bids_shows(shop, unlimited, curve):
    bid = 2.0 * shop().channels["social_prospecting"].campaigns["lookalikes"].bid
    other = simulate(shop({"timeline": [{"day": 0.0, "set": {f"{SOCIAL}.bid": bid}}]}, budgets=False))
    found = dose_of(curve, 2.0)
    more = other.orders_until(math.inf).num_rows - unlimited.orders_until(math.inf).num_rows
    assert found.lever == "bid"
    assert found.conversions - dose_of(curve, 1.0).conversions == more
    assert found.cost_micros == other.cost_micros()["social_prospecting"]
    others = sum(other.cost_micros().values()) - sum(unlimited.cost_micros().values())
    assert found.other_cost_micros == others - (found.cost_micros - dose_of(curve, 1.0).cost_micros)


def test_half_of_the_auctions_cost_about_half(curve):
    half = dose_of(curve, 0.5)
    assert half.lever == "auctions"
    assert 0.4 < half.cost_micros / dose_of(curve, 1.0).cost_micros < 0.75


def test_marginal_cost_is_the_slope_between_doses(curve):
    frame = curve.to_frame()
    assert frame["dose"].tolist() == [0.0, 0.5, 1.0, 2.0]
    slope = frame["cost"].diff() / frame["incremental_conversions"].diff()
    for i in range(1, 4):
        if frame["incremental_conversions"].diff()[i] > 0:
            assert frame["marginal_cpa"][i] == pytest.approx(slope[i])
    assert math.isnan(frame["marginal_cpa"][0])


@pytest.mark.parametrize("feedback", ["held", "free"])
def test_a_budget_that_binds_is_what_the_dose_turns(budgeted, feedback):
    found = response_curve(budgeted, "social_prospecting", [0.5, 1.5], feedback=feedback)
    assert [own.lever for own in found.doses] == [
        "off", "auctions" if feedback == "held" else "budget", "as it ran", "budget",
    ]  # fmt: skip
    costs = [own.cost_micros for own in found.doses]
    assert costs == sorted(costs)
    assert 0.3 * costs[2] < costs[1] < 0.75 * costs[2]
    assert found.feedback == feedback


def test_a_channel_paid_by_the_action_can_be_given_less_but_no_more(unlimited):
    found = response_curve(unlimited, "coupon", [0.5])
    assert all(own.lever in ("off", "auctions", "as it ran") for own in found.doses)
    with pytest.raises(ScenarioError, match="neither a budget nor bids in an auction"):
        response_curve(unlimited, "coupon", [2.0])


def test_strange_channels_and_doses_are_refused_at_once(shop):
    with pytest.raises(ScenarioError) as refusal:
        check_curve(shop(), "vidio", [-1.0, math.inf])
    assert [problem.place for problem in refusal.value.problems] == ["curve", "at", "at"]
