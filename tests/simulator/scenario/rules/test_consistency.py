"""Consistency: what the tables of a scenario must agree on with each other."""

import pytest

from cpalab.refusal import Problem, ScenarioError
from simulator.scenario.rules.validation import validate


def problems_of(tables):
    with pytest.raises(ScenarioError) as caught:
        validate(tables)
    return caught.value.problems


@pytest.mark.parametrize("kind", ["segments", "geos"])
def test_shares_add_up_to_1(market, kind):
    next(iter(market["population"][kind].values()))["share"] = 0.9
    (problem,) = problems_of(market)
    assert problem.place == f"population.{kind}"
    assert problem.rule == "shares must add up to 1"
    assert float(problem.value) > 1


def test_shares_of_device_counts_add_up_to_1(market):
    market["population"]["devices_per_person"] = [0.5, 0.4]
    (problem,) = problems_of(market)
    assert problem == Problem("population.devices_per_person", "shares must add up to 1", "0.9")


def test_nobody_has_more_devices_than_there_are_kinds(market):
    market["population"] |= {"devices": {"mobile": 1.0}, "devices_per_person": [0.5, 0.5]}
    market["channels"]["social"]["campaigns"]["retargeting"]["targeting"] = {}
    (problem,) = problems_of(market)
    assert problem.place == "population.devices_per_person"


@pytest.mark.parametrize("mood", ["out_of_market", "in_market", "visited", "late"])
def test_everybody_is_somewhere(market, mood):
    for surface in market["surfaces"].values():
        surface["weights"][mood] = 0.0
    (problem,) = problems_of(market)
    assert problem == Problem(f"surfaces.*.weights.{mood}", "must be above 0 for at least one surface", "0")


def test_a_surface_with_visits_says_from_where_they_come(market):
    del market["surfaces"]["search"]["visit_channel"]
    (problem,) = problems_of(market)
    assert problem.place == "surfaces.search.visit_channel"
    assert problem.hint == "name a channel"


def test_a_visit_channel_exists(market):
    market["surfaces"]["search"]["visit_channel"] = "organik"
    (problem,) = problems_of(market)
    assert problem == Problem(
        "surfaces.search.visit_channel",
        "is no channel of this scenario",
        "'organik'",
        "did you mean organic?",
    )


def test_steps_have_names_of_their_own(market):
    market["funnel"][1]["name"] = "view"
    (problem,) = problems_of(market)
    assert problem == Problem("funnel", "each step needs a name of its own", "view")


def test_robots_go_somewhere_that_exists(market):
    market["invalid_traffic"]["surfaces"] = {"fed": 1.0}
    (problem,) = problems_of(market)
    assert problem.place == "invalid_traffic.surfaces.fed"
    assert problem.hint == "did you mean feed?"
    market["invalid_traffic"]["surfaces"] = {}
    (problem,) = problems_of(market)
    assert problem == Problem("invalid_traffic.surfaces", "is needed where robots_share is above 0")


def test_a_channel_with_campaigns_has_a_surface_that_exists(market):
    del market["channels"]["video"]["surface"]
    (problem,) = problems_of(market)
    assert problem.place == "channels.video.surface"
    market["channels"]["video"]["surface"] = "feeed"
    (problem,) = problems_of(market)
    assert problem.hint == "did you mean feed?"


def test_synergy_names_another_channel(market):
    market["channels"]["social"]["synergy"] = {"social": 1.0, "vidio": 1.0}
    own, unknown = problems_of(market)
    assert own == Problem("channels.social.synergy.social", "must name another channel")
    assert unknown.hint == "did you mean video?"


@pytest.mark.parametrize("end_day", [1.0, 0.5])
def test_a_flight_ends_after_it_begins(market, end_day):
    market["channels"]["video"]["campaigns"]["launch"]["end_day"] = end_day
    (problem,) = problems_of(market)
    assert problem == Problem("channels.video.campaigns.launch.end_day", "must be after start_day (1)", f"{end_day:g}")


def test_an_experiment_ends_after_it_begins(market):
    market["channels"]["video"]["holdout"]["end_day"] = 2.0
    (problem,) = problems_of(market)
    assert problem.place == "channels.video.holdout.end_day"


def test_a_share_of_revenue_is_a_share(market):
    market["channels"]["affiliate"]["campaigns"]["coupon"]["bid"] = 10.0
    (problem,) = problems_of(market)
    assert problem.place == "channels.affiliate.campaigns.coupon.bid"
    assert problem.value == "10"


@pytest.mark.parametrize(
    ("key", "name", "hint"),
    [("segments", "yung", "young"), ("geos", "usa", "us"), ("devices", "mobil", "mobile")],
)
def test_targeting_names_what_exists(market, key, name, hint):
    market["channels"]["video"]["campaigns"]["launch"]["targeting"][key] = [name]
    (problem,) = problems_of(market)
    assert problem.place == f"channels.video.campaigns.launch.targeting.{key}"
    assert problem.hint == f"did you mean {hint}?"


def test_a_scenario_has_at_most_60_campaigns(market):
    market["channels"]["video"]["campaigns"] = {f"c{i}": {"bid": 1.0} for i in range(30)}
    market["channels"]["email"]["campaigns"] = {f"c{i}": {"bid": 1.0} for i in range(30)}
    (problem,) = problems_of(market)
    assert problem == Problem("channels", "must hold at most 60 campaigns in all", "66")


def test_every_broken_rule_is_reported_at_once(market):
    market["population"]["segments"]["young"]["share"] = 0.1
    market["surfaces"]["direct"]["visit_channel"] = "nowhere"
    market["channels"]["video"]["synergy"] = {"tv": 1.0}
    assert len(problems_of(market)) == 3
