"""The clock: what is lived before and after the reported window, and what a run is too short for."""

import math

import pytest

from simulator.scenario.clock import Clock, clock_warnings, fading_days, settling_days
from simulator.scenario.loading import load_scenario


def scenario_with(market, **run):
    market["run"] = {"users": 100, "days": 10.0, **run}
    return load_scenario(market)


def test_by_default_three_half_lives_of_what_fades_slowest_are_lived_before_and_after(market):
    scenario = scenario_with(market)
    # Video's goodwill, 14 days; the wish to buy ends with 0.03 + 0.05 a day: 8.7 days.
    assert max(fading_days(scenario).values()) == 14.0
    assert settling_days(scenario) == 42
    assert Clock.of(scenario) == Clock(-42, 10.0, 52.0)


def test_people_who_decide_slowly_take_a_longer_run(market):
    market["need"] |= {"lapse_per_day": 0.015, "rival_per_day": 0.015}
    assert settling_days(scenario_with(market)) == math.ceil(3 * math.log(2) / 0.03)


def test_a_channel_without_ads_or_effect_takes_no_time(market):
    market["channels"]["direct"]["half_life_days"] = 500.0
    market["channels"]["brand_search"]["half_life_days"] = 500.0  # its ads add no goodwill
    assert settling_days(scenario_with(market)) == 42


def test_what_is_given_is_taken(market):
    clock = Clock.of(scenario_with(market, warm_up_days=3, follow_up_days=0))
    assert (clock.start, clock.days, clock.end) == (-3, 10.0, 10.0)
    assert [clock.period(day) for day in (-0.1, 0.0, 9.9, 10.0)] == ["warm_up", "reported", "reported", "follow_up"]


def test_a_half_life_longer_than_what_is_lived_is_told(market):
    warnings = clock_warnings(scenario_with(market, warm_up_days=20, follow_up_days=13))
    assert len(warnings) == 1
    assert warnings[0].startswith(
        "run.follow_up_days: 13 is shorter than a half-life (channels.video.half_life_days: 14"
    )
    assert not clock_warnings(scenario_with(market))


def test_a_day_between_two_ticks_is_told(market):
    market["channels"]["video"]["campaigns"]["launch"]["end_day"] = 8.5
    (warning,) = clock_warnings(scenario_with(market))
    assert warning.startswith("channels.video.campaigns.launch.end_day: 8.5 lies between two ticks")
    assert warning.endswith("it takes effect on day 9")


@pytest.mark.parametrize("field", ["warm_up_days", "follow_up_days"])
@pytest.mark.parametrize("value", [-1, 2.5])
def test_warm_up_and_follow_up_are_whole_days(market, field, value):
    with pytest.raises(Exception, match=f"run.{field}"):
        scenario_with(market, **{field: value})
