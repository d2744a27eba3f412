"""Validation: what every single table must be; all problems at once, each with its place, value, rule and hint."""

import copy
import re

import pytest
from pydantic import ValidationError

from cpalab.refusal import Problem, ScenarioError
from simulator.scenario.dotted_places import with_defaults
from simulator.scenario.rules.validation import validate


def problems_of(tables):
    with pytest.raises(ScenarioError) as caught:
        validate(tables)
    return caught.value.problems


def put(tables, path, value):
    *parents, last = path.split(".")
    for part in parents:
        tables = tables[int(part)] if isinstance(tables, list) else tables.setdefault(part, {})
    tables[int(last) if isinstance(tables, list) else last] = value


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("run.users", 0, "must be greater than or equal to 1"),
        ("run.users", 2.5, "must be a whole number"),
        ("run.users", "many", "must be a whole number"),
        ("run.days", 0.0, "must be greater than 0"),
        ("run.days", float("inf"), "must be a finite number"),
        ("run.days", float("nan"), "must be a finite number"),
        ("run.seed", -1, "must be greater than or equal to 0"),
        ("run.seed", 2**63, f"must be less than {2**63}"),
        ("run.tick_hours", 0.5, "must be greater than or equal to 1"),
        ("market.people", 0, "must be greater than or equal to 1"),
        ("calendar.first_weekday", "Monday", "must be 'monday', 'tuesday'"),
        ("population.activity_need_correlation", 1.1, "must be less than or equal to 1"),
        ("population.customer_share", 1.1, "must be less than or equal to 1"),
        ("population.sessions_per_day.mean", 0.0, "must be greater than 0"),
        ("need.lapse_per_day", -0.1, "must be greater than or equal to 0"),
        ("funnel.0.rate", 1.01, "must be less than or equal to 1"),
        ("order.value.sigma", -1.0, "must be greater than or equal to 0"),
        ("surfaces.feed.slot_share", 1.5, "must be less than or equal to 1"),
        ("surfaces.feed.weights.late", -1.0, "must be greater than or equal to 0"),
        ("channels.social.half_life_days", 0.0, "must be greater than 0"),
        ("channels.social.holdout.share", 2.0, "must be less than or equal to 1"),
        ("channels.social.campaigns.prospecting.bid", -1.0, "must be greater than or equal to 0"),
        ("channels.social.campaigns.prospecting.daily_budget", 0.0, "must be greater than 0"),
        ("channels.social.campaigns.prospecting.billing", "cps", "must be 'cpm', 'cpc'"),
        ("channels.social.campaigns.prospecting.frequency_cap", 0, "must be greater than or equal to 1"),
        ("invalid_traffic.robots_share", 0.6, "must be less than or equal to 0.5"),
        ("timeline.0.day", -0.5, "must be greater than or equal to 0"),
        ("timeline.0.set", {}, "must have at least 1 entry"),
        ("title", 5, "must be text"),
        ("need.season.0.day", True, "must be a number"),
        ("market.currency", "dollars", "must have at most 3 characters"),
        ("market.currency", "", "must have at least 1 character"),
        ("population.devices_per_person", [0.25] * 4, "must have at most 3 entries"),
        ("calendar.weekday", [1.0] * 6, "must have at least 7 entries"),
        ("population.devices", [], "must be a table"),
        ("run", "short", "must be a table"),
        ("calendar.hour", 5, "must be a list"),
        ("tracking.transport.deduplicate", 1, "must be true or false"),
        ("timeline.0.set.order", {"refund_share": 0.5}, "must be a number, text, true or false"),
    ],
)
def test_a_value_out_of_range_is_refused_at_its_place(market, path, value, rule):
    put(market, path, value)
    (problem,) = problems_of(market)
    assert problem.place == path
    assert problem.rule.startswith(rule)
    assert problem.value == (repr(value) if isinstance(value, str | int | float) else "")


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("surfaces.feed.rival_cpm", 5e-324, "must be at least 1e-09 where it is not 0"),
        ("surfaces.feed.slot_share", 1e-300, "must be at least 1e-09 where it is not 0"),
        ("surfaces.feed.goodwill_pull", 1e300, "must be less than or equal to 1000000"),
        ("calendar.hour", [1e300] + [1.0] * 23, "must be less than or equal to 1000"),
        ("calendar.weekday", [5e-324] + [1.0] * 6, "must be greater than or equal to 0.001"),
        ("channels.social.overexposure_impressions", 10**15, "must be less than or equal to 1000000"),
        ("channels.social.campaigns.prospecting.bid", 1e300, "must be less than or equal to 10000000"),
        ("channels.social.campaigns.prospecting.optimisation", 1e9, "must be less than or equal to 10"),
        ("market.competition_sigma", 700.0, "must be less than or equal to 4"),
        ("need.satiation_days", 1e300, "must be less than or equal to 1000000000"),
    ],
)
def test_numbers_that_no_engine_can_live_with_are_refused(market, path, value, rule):
    put(market, path, value)
    (problem,) = problems_of(market)
    assert problem.place.startswith(path)
    assert problem.rule == rule


def test_more_sessions_than_a_machine_can_live_are_refused(market):
    put(market, "run.users", 50_000_000)
    put(market, "run.days", 3650.0)
    (problem,) = problems_of(market)
    assert problem.rule == "must give at most 5,000,000,000 sessions in all"


def test_orders_whose_sum_leaves_whole_micros_are_refused(market):
    put(market, "order.value", {"mean": 1e7, "sigma": 4.0})
    (problem,) = problems_of(market)
    assert problem.place == "order.value"
    assert problem.rule == "must not lead to single orders worth more than 1e+09"


@pytest.mark.parametrize(
    ("value", "shown"), [(2**64, repr(2**64)), (10**400, "a number of 401 digits"), ("x" * 500, "(502 characters)")]
)
def test_a_value_that_would_fill_the_screen_is_not_repeated(market, value, shown):
    put(market, "run.users", value)
    (problem,) = problems_of(market)
    assert problem.value.endswith(shown)
    assert len(problem.value) < 130


def test_a_misspelt_word_gets_a_hint(market):
    put(market, "channels.social.campaigns.prospecting.billing", "cpmm")
    (problem,) = problems_of(market)
    assert problem.hint == "did you mean cpm?"


WRONG = (None, -3, 2**70, float("nan"), "Big Name", {}, {"A b": 1}, {1: 2}, ["x"] * 50)


def test_every_kind_of_error_is_told_in_our_words(market):
    """Something wrong at every place of a scenario in turn: nothing but our own rules comes of it."""
    complete = with_defaults(market)
    told = set()
    for path in places(complete):
        for wrong in WRONG:
            tables = copy.deepcopy(complete)
            put(tables, path, wrong)
            try:
                validate(tables)
            except ScenarioError as error:
                told |= {problem.rule for problem in error.problems}
    assert not [rule for rule in told if re.search(r"should|valid |Input|instance|{|}", rule)]
    for rule in ("is needed and missing", "must be a list", "must be a table", "must be a finite number"):
        assert rule in told


def places(tables, before=""):
    entries = tables.items() if isinstance(tables, dict) else enumerate(tables)
    for key, value in entries:
        if "." not in str(key):
            yield f"{before}{key}"
            if isinstance(value, dict | list):
                yield from places(value, f"{before}{key}.")


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("runs", "did you mean run?"),
        ("run.day", "did you mean days?"),
        ("channels.social.halflife_days", "did you mean half_life_days?"),
        ("channels.social.campaigns.prospecting.budget", "did you mean daily_budget?"),
        ("channels.social.campaigns.prospecting.creatives.a.launch", "did you mean launch_day?"),
        ("surfaces.feed.weights.visitd", "did you mean visited?"),
        ("funnel.0.rat", "did you mean rate?"),
        ("market.xyz", "known here: competition_persistence, competition_sigma, currency, people"),
    ],
)
def test_an_unknown_key_gets_a_hint(market, path, hint):
    put(market, path, 1)
    (problem,) = problems_of(market)
    assert problem == Problem(path, "unknown key", "", hint)


@pytest.mark.parametrize("name", ["Social", "1st", "paid social", "social-ads", "", "x" * 41])
def test_names_are_lower_case_words(market, name):
    market["channels"][name] = {}
    (problem,) = problems_of(market)
    assert problem.place == f"channels.{name}"
    assert problem.value == repr(name)
    assert "name" in problem.rule or "at most 40 characters" in problem.rule


@pytest.mark.parametrize("key", ["funnel", "surfaces", "channels"])
def test_what_is_needed_is_named(market, key):
    del market[key]
    (problem,) = problems_of(market)
    assert problem == Problem(key, "is needed and missing")


def test_a_campaign_needs_a_bid(market):
    del market["channels"]["video"]["campaigns"]["launch"]["bid"]
    (problem,) = problems_of(market)
    assert problem == Problem("channels.video.campaigns.launch.bid", "is needed and missing")


@pytest.mark.parametrize("size", [0, 5])
def test_a_funnel_has_one_to_four_steps(market, size):
    market["funnel"] = [{"name": f"step_{i}", "rate": 0.5} for i in range(size)]
    (problem,) = problems_of(market)
    assert problem.place == "funnel"


def test_every_problem_is_reported_at_once(market):
    market["run"]["days"] = 0
    market["channels"]["social"]["half_lif_days"] = 1
    market["channels"]["video"]["campaigns"]["launch"]["bid"] = -5
    market["timeline"][0]["day"] = -1.0
    assert {problem.place for problem in problems_of(market)} == {
        "run.days",
        "channels.social.half_lif_days",
        "channels.video.campaigns.launch.bid",
        "timeline.0.day",
    }


def test_a_scenario_is_frozen(scenario):
    with pytest.raises(ValidationError):
        scenario.run.users = 5


def test_paid_channels_are_those_with_campaigns(scenario):
    assert scenario.paid_channels() == ["social", "video", "brand_search", "affiliate", "email"]


def test_creatives_go_by_launch(scenario):
    campaign = scenario.channels["social"].campaigns["prospecting"]
    assert list(campaign.creatives_by_launch()) == ["a", "b"]
