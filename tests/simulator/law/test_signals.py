"""Signals: what an advertiser can know of a person where delivery follows what was recorded."""

import copy

import pytest

from simulator.draws import BROWSER, HABITS, LOG_IN, uniforms_at
from simulator.law import auction as auction_module
from simulator.law import signals as module
from simulator.law.exposure import count_impression
from simulator.law.state import IN_MARKET, LATE, OUT_OF_MARKET, VISITED
from simulator.scenario.loading import load_scenario
from simulator.scenario.tracking import PERFECT
from simulator.world import simulate

RETARGETING = ("social", "retargeting")


@pytest.fixture
def known(stage, plain):
    """For how many days a user is known, under changes of the scenario."""
    step = plain(module.days_known)

    def call(user, campaign=RETARGETING, device=0, **overrides):
        stage.set_up(delivery__follows="record", **overrides)
        return step(stage.law, stage.moment(user=user, device=device), stage.campaign(*campaign))

    return call


def draws(user, purpose, session=0, block=0):
    return uniforms_at(1, user, session, int(purpose), block)


@pytest.mark.parametrize("user", range(40))
def test_who_is_known_is_decided_by_the_record_s_own_draws(known, stage, user):
    found = known(user)
    tracking = stage.scenario.tracking
    browser, blocks, _, _ = draws(user, BROWSER)
    shares = tracking.identity.browsers
    total = sum(shares.values())
    safari = shares["chrome"] / total <= browser < (shares["chrome"] + shares["safari"]) / total
    place = 0  # social is the first channel that a platform sells
    if draws(user, HABITS)[2] >= 0.95 or blocks < tracking.transport.ad_blocker_share:
        assert found == 0.0
    elif draws(user, LOG_IN, block=place)[0] < tracking.platform.match_share:
        assert found == module.EVERYWHERE
    else:
        assert found == (7.0 if safari else 400.0)


def test_without_consent_or_behind_a_blocker_nobody_is_known(known):
    for user in range(20):
        assert known(user, tracking__consent__share=0.0) == 0.0
        assert known(user, tracking__transport__ad_blocker_share=1.0) == 0.0
        assert known(user, **EASY) == module.EVERYWHERE


EASY = {
    "tracking__consent__share": 1.0,
    "tracking__transport__ad_blocker_share": 0.0,
    "tracking__platform__match_share": 1.0,
}


def test_a_visit_is_known_on_its_device_until_the_cookie_dies(stage, plain):
    step = plain(module.visit_is_known)
    stage.set_up(
        delivery__follows="record", tracking__consent__share=1.0, tracking__transport__ad_blocker_share=0.0,
        tracking__platform__match_share=0.0, tracking__identity__cookie_days=5.0,
        tracking__identity__cookie_days_safari=5.0,
    )  # fmt: skip
    c = stage.campaign(*RETARGETING)
    stage.life.last_visit, stage.life.last_device = 1.0, 0
    assert step(stage.law, stage.life, stage.moment(time=5.9), c)
    assert not step(stage.law, stage.life, stage.moment(time=6.1), c)
    assert not step(stage.law, stage.life, stage.moment(time=1.1, device=1), c)
    stage.set_up(delivery__follows="record", **EASY)
    stage.life.last_visit, stage.life.last_device = 1.0, 0
    assert step(stage.law, stage.life, stage.moment(time=5.9, device=1), c)


def test_optimised_delivery_sees_what_it_can_know(stage, plain):
    step = plain(module.mood_as_seen)
    c = stage.campaign(*RETARGETING)
    for known, moods in (
        (EASY, {OUT_OF_MARKET: OUT_OF_MARKET, IN_MARKET: IN_MARKET, VISITED: IN_MARKET, LATE: IN_MARKET}),
        ({"tracking__consent__share": 0.0}, dict.fromkeys((OUT_OF_MARKET, IN_MARKET, VISITED, LATE), OUT_OF_MARKET)),
    ):
        stage.set_up(delivery__follows="record", **known)
        for true, seen in moods.items():  # the last visit was long ago: further back than anything is known for
            stage.life.mood = true
            stage.life.last_visit = -2e9
            assert step(stage.law, stage.life, stage.moment(), c) == seen
    stage.set_up()
    stage.life.mood = LATE
    assert step(stage.law, stage.life, stage.moment(), c) == LATE


@pytest.mark.parametrize(("follows", "capped"), [("person", True), ("record", False)])
def test_a_cap_does_not_bind_who_is_not_known(stage, plain, follows, capped):
    eligible = plain(auction_module.eligible)
    stage.set_up(delivery__follows=follows, tracking__consent__share=0.0)
    c, moment = stage.campaign("social", "prospecting"), stage.moment()
    for _ in range(5):
        plain(count_impression)(stage.law.campaigns[0, c], stage.shown, moment, c)
    given = (stage.law, stage.board, stage.person, stage.life, stage.shown, moment, c, stage.unchanged)
    assert eligible(*given) is not capped


def test_unrecognised_customers_pass_for_none(stage, plain):
    in_audience = plain(auction_module.in_audience)
    for audience, known, admitted in (
        ("customers", EASY, True),
        ("customers", {"tracking__consent__share": 0.0}, False),
        ("non_customers", EASY, False),
        ("non_customers", {"tracking__consent__share": 0.0}, True),
    ):
        stage.set_up(
            delivery__follows="record", channels__social__campaigns__retargeting__targeting__audience=audience, **known
        )
        stage.life.customer = 1
        given = (stage.law, stage.person, stage.life, stage.moment(), stage.campaign(*RETARGETING))
        assert in_audience(*given) == admitted


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_a_lookalike_audience_is_the_top_of_the_scores(stage, plain, share):
    in_audience = plain(auction_module.in_audience)
    place = "channels__social__campaigns__retargeting__targeting__"
    stage.set_up(**{f"{place}audience": "lookalike", f"{place}lookalike_share": share})
    for likeness, admitted in ((1.0 - share + 1e-9, True), (1.0 - share - 1e-9, False)):
        stage.person.likeness = likeness
        given = (stage.law, stage.person, stage.life, stage.moment(), stage.campaign(*RETARGETING))
        assert in_audience(*given) == admitted


def test_subscribers_and_customers_are_written_to(stage, plain):
    in_audience = plain(auction_module.in_audience)
    stage.set_up(channels__social__campaigns__retargeting__targeting__audience="subscribers")
    for subscribes, customer in ((0, 0), (1, 0), (0, 1)):
        stage.person.subscribes, stage.life.customer = subscribes, customer
        given = (stage.law, stage.person, stage.life, stage.moment(), stage.campaign(*RETARGETING))
        assert in_audience(*given) == (subscribes or customer)


def test_a_record_that_loses_nothing_delivers_as_if_the_person_were_known(market):
    """Everybody consents, nobody blocks, every platform recognises everyone: the two worlds are the same, bit for bit."""
    tracking = PERFECT.model_dump()
    market["tracking"] = tracking
    usual = simulate(load_scenario(market))
    market["delivery"] = {"follows": "record"}
    followed = simulate(load_scenario(market))
    assert followed.events.equals(usual.events)
    refused = copy.deepcopy(market)
    refused["tracking"]["consent"]["share"] = 0.0
    shown = simulate(load_scenario(refused)).events.to_pandas().query("kind == 'impression'")
    assert "retargeting" in set(usual.events["campaign"].to_pylist())
    assert "retargeting" not in set(shown["campaign"])
