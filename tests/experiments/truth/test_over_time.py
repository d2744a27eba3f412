"""Truth over time: weeks add up to the whole, and one day's or one week's ads are what a market without them shows."""

import math

import numpy as np
import pytest

from cpalab.refusal import ScenarioError
from experiments.truth.effects import ALL, measure_truth
from experiments.truth.over_time import Pulse, check_pulses, cost_between, pulses, truth_by_week
from simulator.world import simulate

VIDEO = "channels.video.campaigns.ctv.bid"


@pytest.fixture(scope="module")
def weeks(unlimited):
    return truth_by_week(unlimited)


def without_video(shop, first, last):
    """Orders of the same market in which video bids nothing between two days, and nobody's budget reacts."""
    stop = [{"day": first, "set": {VIDEO: 0.0}}]
    again = [{"day": last, "set": {VIDEO: shop().channels["video"].campaigns["ctv"].bid}}] if last < 14 else []
    return simulate(shop({"timeline": stop + again}, budgets=False)).orders_until(math.inf)


def test_what_comes_in_each_week_adds_up_to_the_average_effect(unlimited, weeks):
    truth = measure_truth(unlimited)
    for channel in {own.channel for own in weeks.weeks}:
        effect = truth.effect(channel, "joint" if channel == ALL else "average")
        own = [week for week in weeks.weeks if week.channel == channel]
        assert [week.week for week in own] == [1, 2, 0]
        assert sum(week.caused_in_it for week in own) == effect.incremental_conversions
        assert sum(week.cost_micros for week in own) == pytest.approx(effect.cost_micros, abs=2)


def test_a_weeks_ads_caused_what_is_missing_where_they_did_not_run(shop, unlimited, weeks):
    with_ads = unlimited.orders_until(math.inf).num_rows
    for week, stretch in ((1, (0.0, 7.0)), (2, (7.0, 14.0))):
        found = next(own for own in weeks.weeks if (own.channel, own.week) == ("video", week))
        assert found.caused_by_its_ads == with_ads - without_video(shop, *stretch).num_rows
        assert found.lower <= found.caused_by_its_ads <= found.upper


def test_a_pulse_is_the_difference_to_a_market_without_that_days_ads_day_by_day(shop, unlimited):
    (pulse,) = pulses(unlimited, [("video", 5)])
    edges = np.arange(5.0, math.ceil(unlimited.clock.end) + 1)

    def by_day(orders):
        return np.histogram(orders["time"].to_numpy(), edges)[0]

    difference = by_day(unlimited.orders_until(math.inf)) - by_day(without_video(shop, 5.0, 6.0))
    assert pulse.conversions.tolist() == difference.tolist()
    assert pulse.total == difference.sum()
    assert pulse.cost_micros == cost_between(unlimited, "video", 5, 6) > 0
    assert pulse.to_frame()["cumulative_conversions"].iloc[-1] == pulse.total


def test_feedback_makes_no_difference_where_no_budget_reacts(unlimited):
    held, free = (pulses(unlimited, [("social_prospecting", 2)], feedback=own)[0] for own in ("held", "free"))
    assert held.conversions.tolist() == free.conversions.tolist()


def test_half_of_a_pulse_is_dated_only_where_enough_came():
    many = Pulse("video", 3, 10, np.array([10, 5, 4, 3]), np.zeros(4, np.int64), 10.0, 30.0, "held")
    assert (many.total, many.half_after_days) == (22, 1)
    few = Pulse("video", 3, 10, np.array([10, 5]), np.zeros(2, np.int64), 10.0, 30.0, "held")
    assert few.half_after_days is None
    assert "too few to say when" in few.summary()


def test_costs_of_stretches_add_up(budgeted):
    for channel, cost in budgeted.cost_micros().items():
        parts = [cost_between(budgeted, channel, day, day + 1) for day in range(14)]
        assert sum(parts) == pytest.approx(cost, abs=14)
    assert cost_between(budgeted, ALL, 0, 14) == pytest.approx(sum(budgeted.cost_micros().values()), abs=1)


def test_strange_channels_and_days_are_refused_at_once(shop):
    with pytest.raises(ScenarioError) as refusal:
        check_pulses(shop(), [("vidio", 3), ("video", 14), ("video", -1)])
    assert [str(problem) for problem in refusal.value.problems] == [
        "pulse: vidio is no channel with campaigns; did you mean video?",
        "pulse: video:14 must be a day of the reported window, from 0 to 13; write channel:day, such as video:7",
        "pulse: video:-1 must be a day of the reported window, from 0 to 13; write channel:day, such as video:7",
    ]
