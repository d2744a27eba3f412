"""Geo tests in a scenario file: what is refused, all of it at once, with what to do."""

import pytest

from cpalab.refusal import ScenarioError
from simulator.scenario.loading import load_scenario
from simulator.scenario.timeline import versions

DARK = {"channel": "social", "kind": "go_dark", "treated": ["uk"], "start_day": 5, "end_day": 10}


@pytest.fixture
def refused(market):
    """What is wrong with the small market when these geo tests, and other tables, are put into it."""

    def collect(tests, **tables):
        market["geo_tests"] = tests
        for table, values in tables.items():
            market[table] |= values
        with pytest.raises(ScenarioError) as caught:
            load_scenario(market)
        return [str(problem) for problem in caught.value.problems]

    return collect


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cooldown_days": 4},
        {"kind": "holdback"},
        {"kind": "heavy_up", "spend_factor": 1.5},
        {"kind": "heavy_up", "bid_factor": 1.5},
        {"assignment": "random", "treated": [], "treated_share": 0.5},
        {"assignment": "matched_pairs", "treated": []},
        {"kind": "on_off", "treated": [], "end_day": 13, "block_days": 2},
    ],
)
def test_every_kind_of_geo_test_can_be_written_down(market, changes):
    market["geo_tests"] = {"spring": DARK | changes}
    assert load_scenario(market).geo_tests["spring"].channel == "social"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"channel": "socail"}, "channel: 'socail' is no channel of this scenario; did you mean social?"),
        ({"channel": "organic"}, "channel: 'organic' must have campaigns to be tested"),
        ({"treated": ["ukk"]}, "treated: 'ukk' is no geo of this scenario; did you mean uk?"),
        ({"treated": []}, 'treated: must name at least one geo; or set assignment = "random"'),
        ({"treated": ["uk", "us"]}, "treated: must leave a geo as a control; an on_off test treats all geos"),
        ({"assignment": "random"}, "treated: uk must be left out where geos are drawn (random)"),
        (
            {"assignment": "random", "treated": [], "treated_share": 0.2},
            "treated_share: 0.2 must treat some of the 2 geos and leave some",
        ),
        ({"start_day": 0}, "start_day: 0 must leave a day before the test"),
        ({"end_day": 5}, "end_day: 5 must be after start_day (5)"),
        ({"cooldown_days": 5}, "end_day: 15 must end, with its cool-down, within the run (14 days); move the test"),
        ({"spend_factor": 2.0}, "spend_factor: and bid_factor belong to heavy_up tests, not to go_dark"),
        ({"kind": "heavy_up"}, "spend_factor: or bid_factor must be above 1 in a heavy_up test"),
        ({"kind": "heavy_up", "spend_factor": 0.5}, "spend_factor: or bid_factor must be above 1"),
        ({"block_days": 2}, "block_days: 2 belongs to on_off tests, not to go_dark"),
        ({"kind": "on_off"}, "treated: an on_off test treats all geos; leave out treated and assignment"),
        ({"kind": "on_off", "treated": []}, "block_days: is needed in an on_off test; 7 keeps weekdays balanced"),
        (
            {"kind": "on_off", "treated": [], "block_days": 2},
            "block_days: 2 must divide the 5 days of the test into an even number of blocks, at least four",
        ),
        ({"kind": "dark"}, "kind: 'dark' must be 'go_dark', 'heavy_up', 'holdback' or 'on_off'"),
    ],
)
def test_a_mistake_is_named_with_its_place(refused, changes, problem):
    assert any(line.startswith(f"geo_tests.spring.{problem}") for line in refused({"spring": DARK | changes}))


def test_all_mistakes_are_told_at_once(refused):
    found = refused({"spring": DARK | {"channel": "tv", "treated": ["mars"], "start_day": 12}})
    assert [line.split(":")[0] for line in found] == [
        f"geo_tests.spring.{key}" for key in ("channel", "end_day", "treated")
    ]


def test_one_geo_cannot_be_divided_but_can_be_switched_on_and_off(market, refused):
    for campaign in market["channels"]["video"]["campaigns"].values():
        campaign["targeting"] = {}
    alone = {"geos": {"us": {"share": 1.0}}}
    found = refused({"spring": DARK | {"treated": ["us"]}}, population=alone)
    assert found == [
        "geo_tests.spring.kind: go_dark needs at least two geos, one of them as a control; on_off needs one"
    ]
    market["geo_tests"] = {"spring": DARK | {"kind": "on_off", "treated": [], "end_day": 13, "block_days": 1}}
    load_scenario(market)


def test_tests_of_one_channel_must_not_overlap_and_a_launch_begins_on_the_first_day(refused, market):
    later = DARK | {"start_day": 10, "end_day": 12}
    market["geo_tests"] = {"spring": DARK, "summer": later, "other": DARK | {"channel": "email"}}
    load_scenario(market)
    for first in (DARK | {"cooldown_days": 1}, DARK | {"kind": "holdback", "start_day": 11, "end_day": 13}):
        found = refused({"spring": first, "summer": later})
        assert found[0].startswith(
            "geo_tests.summer.start_day: 10 must not overlap geo_tests.spring on the same channel"
        )


def test_ticks_must_divide_a_day_and_travellers_need_a_second_geo(refused):
    assert refused({"spring": DARK}, run={"tick_hours": 36.0}) == [
        "run.tick_hours: 36 must divide a day where there are geo tests; try 24"
    ]


def test_nobody_travels_from_the_only_geo(market):
    for campaign in market["channels"]["video"]["campaigns"].values():
        campaign["targeting"] = {}
    market["population"] |= {"geos": {"us": {}}, "travel_share": 0.1}
    with pytest.raises(ScenarioError, match=r"population.travel_share: 0.1 needs two geos to travel between"):
        load_scenario(market)


def test_a_geo_test_cannot_change_while_it_runs(market):
    market["geo_tests"] = {"spring": DARK}
    market["timeline"] = [{"day": 6.0, "set": {"geo_tests.spring.end_day": 12}}]
    with pytest.raises(ScenarioError, match="cannot change over time"):
        versions(load_scenario(market))
