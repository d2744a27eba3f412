"""The timeline: dated changes as versions of the scenario, and no change that would have no effect."""

import pytest

from cpalab.refusal import ScenarioError
from simulator.scenario.loading import load_scenario
from simulator.scenario.rules.validation import validate
from simulator.scenario.timeline import versions


def refused(market, *changes):
    market["timeline"] = [
        {"day": 1.0, "set": changes[0]},
        *[{"day": 2.0, "set": change} for change in changes[1:]],
    ]
    with pytest.raises(ScenarioError) as caught:
        load_scenario(market)
    return caught.value.problems


def test_each_day_of_the_timeline_begins_a_version_that_holds_until_the_next(market):
    bid = "channels.video.campaigns.launch.bid"
    market["timeline"] = [
        {"day": 9.0, "set": {bid: 3.0}, "note": "less"},
        {"day": 4.0, "set": {bid: 20.0}, "note": "more"},
        {"day": 9.0, "set": {"need.lapse_per_day": 0.5}, "note": "less need"},
    ]
    first, second, third = versions(validate(market))
    assert [version.day for version in (first, second, third)] == [0.0, 4.0, 9.0]
    assert [v.scenario.channels["video"].campaigns["launch"].bid for v in (first, second, third)] == [
        9.0,
        20.0,
        3.0,
    ]
    assert [v.scenario.need.lapse_per_day for v in (first, second, third)] == [0.03, 0.03, 0.5]
    assert third.note == "less; less need"


def test_without_a_timeline_there_is_one_version(market):
    market["timeline"] = []
    scenario = validate(market)
    (only,) = versions(scenario)
    assert only.scenario == scenario


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("title", "new"),
        ("run.users", 5),
        ("run.tick_hours", 6.0),
        ("market.people", 5),
        ("market.currency", "EUR"),
        ("market.competition_sigma", 1.0),
        ("market.competition_persistence", 0.1),
        ("calendar.first_weekday", "friday"),
        ("population.log_in_share", 0.5),
        ("population.segments.young.activity", 2.0),
        ("need.season.0.need", 3.0),
        ("funnel.0.name", "look"),
        ("surfaces.feed.reach_share", 0.5),
        ("channels.social.surface", "inbox"),
        ("channels.social.holdout.share", 0.5),
        ("channels.social.campaigns.prospecting.creatives.b.launch_day", 9.0),
        ("invalid_traffic.robots_share", 0.1),
        ("invalid_traffic.sessions_per_day", 20.0),
        ("timeline.0.day", 3.0),
    ],
)
def test_what_is_laid_down_before_the_first_session_cannot_change(market, path, value):
    (problem,) = refused(market, {path: value})
    assert problem.place == f"timeline.0.set.{path}"
    assert problem.rule == "cannot change over time"


@pytest.mark.parametrize("name", ["holdout", "name", "season", "reach_share", "surface", "market"])
def test_a_channel_may_be_called_what_it_likes(market, name):
    market["channels"][name] = {}
    market["timeline"] = [{"day": 1.0, "set": {f"channels.{name}.half_life_days": 3.0}}]
    assert versions(load_scenario(market))[1].scenario.channels[name].half_life_days == 3.0


def test_a_slip_of_the_pen_is_found(market):
    (problem,) = refused(market, {"channels.vidio.campaigns.launch.bid": 1.0})
    assert problem.place == "timeline.0.set.channels.vidio.campaigns.launch.bid"
    assert problem.rule == "unknown key"
    assert problem.hint == "did you mean video?"


def test_an_impossible_value_is_found_on_its_day(market):
    (problem,) = refused(market, {"channels.video.campaigns.launch.bid": -1.0})
    assert problem.place == "timeline (day 1): channels.video.campaigns.launch.bid"
    assert problem.rule == "must be greater than or equal to 0"


def test_a_change_that_breaks_a_rule_between_tables_is_found(market):
    (problem,) = refused(market, {"channels.affiliate.campaigns.coupon.bid": 4.0})
    assert "share from 0 to 1" in problem.rule


def test_slips_of_several_days_are_reported_at_once(market):
    problems = refused(market, {"run.users": 3}, {"need.laps_per_day": 0.1}, {"title": "x"})
    assert [problem.place for problem in problems] == [
        "timeline.0.set.run.users",
        "timeline.1.set.need.laps_per_day",
        "timeline.2.set.title",
    ]
