"""Dated changes: whatever a scenario changes within its window is one of them, and can be left out."""

import pytest

from cpalab.refusal import ScenarioError
from experiments.comparison.explain.causes import cause_of, is_real, name_of
from experiments.comparison.explain.dated_changes import dated_changes
from experiments.comparison.explain.two_scenarios import differences, planned_changes
from experiments.rollout.change_file import PlannedChange

SOCIAL = "channels.social_prospecting.campaigns.lookalikes"


@pytest.mark.parametrize(
    ("place", "cause", "real"),
    [
        ("need.season", "the season", True),
        ("surfaces.generic_search.rival_cpm", "rivals", True),
        ("channels.video.campaigns.ctv.bid", "the bid", True),
        ("channels.video.campaigns.ctv.daily_budget", "the budget", True),
        ("channels.video.campaigns.ctv.landing_page_factor", "the landing page", True),
        ("channels.video.wear_out_impressions", "wear", True),
        ("channels.video.creative_half_life_days", "wear", True),
        ("order.value.mean", "the price", True),
        ("tracking.consent.share", "consent", False),
        ("tracking.platforms.google.click_days", "the window", False),
        ("tracking.platform.view_days", "the window", False),
        ("tracking.analytics.lookback_days", "the window", False),
        ("tracking.analytics.rule", "the attribution model", False),
        ("tracking.platforms.google.rule", "the attribution model", False),
        ("tracking.transport.outages.0.share", "an outage", False),
        ("tracking.faults.tag_outage", "a fault of tracking", False),
        ("tracking.transport.action", "what is counted", False),
    ],
)
def test_a_place_has_a_cause_and_is_real_or_not(place, cause, real):
    assert (cause_of(place), is_real(place)) == (cause, real)


def test_a_cause_says_whose_it_is():
    assert name_of(["channels.brand_search.campaigns.exact.bid"]) == "the bid of brand search"
    assert (
        name_of(["tracking.platforms.google.click_days", "tracking.platforms.google.view_days"])
        == "the window of google"
    )
    assert name_of(["need.lapse_per_day", "order.value.mean"]) == "demand and the price"


def test_seasons_flights_creatives_and_outages_are_dated_changes(shop):
    scenario = shop(
        {
            "need.season": [{"day": -5.0, "need": 0.9}, {"day": 3.0, "need": 1.5}, {"day": 6.0, "need": 1.2}],
            "channels.video.campaigns.ctv.start_day": 4.0,
            "channels.email.campaigns.newsletter.end_day": 9.0,
            f"{SOCIAL}.creatives.denim.launch_day": 5.0,
            f"{SOCIAL}.creatives.summer.end_day": 7.0,
            "tracking.transport.outages": [{"start_day": 2.0, "end_day": 4.0}, {"start_day": 0.0}],
            "timeline": [{"day": 20.0, "set": {"order.value.mean": 90.0}}],
        }
    )
    found = dated_changes(scenario)
    assert [(change.name, change.day, change.kind) for change in found.changes] == [
        ("an outage", 2.0, "record"),
        ("the season", 3.0, "real"),
        ("the flight of video ctv", 4.0, "real"),
        ("creatives of social prospecting", 5.0, "real"),
        ("the flight of email newsletter", 9.0, "real"),
    ]
    before, after = found.scenario(()), found.scenario(range(5))
    assert [own.day for own in before.need.season] == [-5.0]
    assert before.channels["video"].campaigns["ctv"].start_day > scenario.run.days
    assert before.channels["email"].campaigns["newsletter"].end_day is None
    assert before.tracking.transport.outages[0].share == 0.0
    assert before.tracking.transport.outages[1].share == 1.0
    assert [entry.day for entry in before.timeline] == [20.0]
    assert after == scenario


def test_an_entry_that_changes_the_world_and_its_record_is_two_changes(shop):
    both = {"day": 3.0, "set": {"tracking.consent.share": 0.5, "order.value.mean": 100.0}, "note": "relaunch"}
    found = dated_changes(shop({"timeline": [both]}))
    assert [(change.name, change.real) for change in found.changes] == [
        ("relaunch: the price", True),
        ("relaunch: consent", False),
    ]


def test_a_scenario_without_dated_changes_is_refused(shop):
    with pytest.raises(ScenarioError, match="changes nothing within its 14 reported days"):
        dated_changes(shop())


def test_changes_that_need_each_other_are_refused_in_words(shop):
    """Two changes of which one makes a scenario that cannot be used."""
    plan = [PlannedChange("ends before it begins", {f"{SOCIAL}.end_day": 3.0}, True),
            PlannedChange("begins", {f"{SOCIAL}.start_day": 2.0}, True)]  # fmt: skip
    assert planned_changes(shop(), plan).scenario([0, 1])
    wrong = [PlannedChange("begins", {f"{SOCIAL}.start_day": 5.0}, True), plan[0]]
    with pytest.raises(ScenarioError, match="cannot be told apart"):
        planned_changes(shop(), wrong).scenario([0, 1])


# ---------------------------------------------------------------- two scenarios


def test_two_scenarios_differ_in_causes(shop):
    after = shop(
        {
            f"{SOCIAL}.bid": 25.0,
            f"{SOCIAL}.frequency_cap": 6,
            "tracking.platforms.google.click_days": 7.0,
            "tracking.platforms.google.view_days": 0.0,
            "timeline": [{"day": 3.0, "set": {"order.value.mean": 90.0}, "note": "sale"}],
        }
    )
    found = differences(shop(), after)
    assert [(change.name, change.real, change.day) for change in found.changes] == [
        ("the bid of social prospecting", True, None),
        ("the audience of social prospecting", True, None),
        ("the window of google", False, None),
        ("sale", True, 3.0),
    ]
    assert found.scenario(range(4)) == after
    assert found.scenario(()) == shop()


def test_a_channel_that_only_one_scenario_buys_is_a_difference(shop):
    tables = shop().model_dump()
    del (
        tables["channels"]["email"],
        tables["tracking"]["transport"]["utm"]["email"],
        tables["tracking"]["platforms"]["mail"],
    )
    from simulator.scenario.loading import load_scenario

    before = load_scenario(tables)
    found = differences(before, shop())
    assert found.scenario(range(len(found.changes))).paid_channels() == shop().paid_channels()
    back = differences(shop(), before)
    assert back.scenario(range(len(back.changes))) == before


def test_scenarios_of_other_people_or_without_a_difference_are_refused(shop):
    with pytest.raises(ScenarioError) as refusal:
        differences(shop(), shop({"run.seed": 12, "population.sessions_per_day.mean": 2.0}))
    assert [problem.place for problem in refusal.value.problems] == ["run.seed", "population.sessions_per_day.mean"]
    with pytest.raises(ScenarioError, match="differ in nothing"):
        differences(shop(), shop({"title": "another name"}))
