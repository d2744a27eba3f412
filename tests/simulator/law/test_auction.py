"""Step 3, slot and auction: who may bid, who wins, at what price, and what an experiment withholds."""

import math

import numpy as np
import pytest

from simulator.law import auction as module
from simulator.law.state import LATE, LONG_AGO, NOBODY, VISITED

NOTHING = -math.inf


@pytest.fixture
def bids(stage):
    """Sets the logarithm of what campaigns bid for a slot; all others bid nothing."""

    def put(**values):
        stage.board.log_bid[:] = NOTHING
        for c, placed in enumerate(stage.names.campaigns):
            stage.board.log_bid[:, c] = values.get(placed.name, NOTHING)

    put(prospecting=1.0, retargeting=2.0, launch=1.5, exact=3.0)
    stage.board.log_rival[:] = 0.0
    stage.life.last_visit = 3.0
    return put


@pytest.fixture
def auction(plain, stage, bids):
    step = plain(module.auction)

    def call(where="feed", **changes):
        place = NOBODY if where is None else stage.surface(where)
        return step(
            stage.law, stage.board, stage.person, stage.life, stage.shown, stage.ledger, stage.moment(**changes),
            place, stage.unchanged,
        )  # fmt: skip

    return call


def winner(stage, offer):
    return None if offer.campaign == NOBODY else stage.names.campaigns[offer.campaign].name


def ghosts(stage, offer):
    return {placed.name for c, placed in enumerate(stage.names.campaigns) if offer.ghosts >> c & 1}


def hold_out(stage, *channels):
    stage.person.held_out = sum(1 << stage.channel(name) for name in channels)
    stage.board.holdouts[:] = stage.person.held_out


def test_the_highest_bid_wins_and_pays_the_rival_s_price(stage, auction):
    offer = auction(rival_normal=0.5)
    assert winner(stage, offer) == "retargeting"
    assert offer.log_price == pytest.approx(0.8 * 0.5)
    assert offer.ghosts == 0


def test_the_price_is_the_rival_s_in_currency(plain, auction):
    assert plain(module.impression_price)(auction(rival_normal=0.5)) == pytest.approx(math.exp(0.4))


@pytest.mark.parametrize(("rival_normal", "won"), [(2.49, "retargeting"), (2.51, None)])
def test_nobody_wins_who_does_not_beat_the_rival(stage, auction, rival_normal, won):
    assert winner(stage, auction(rival_normal=rival_normal)) == won  # 0.8 × 2.5 = 2


@pytest.mark.parametrize(("slot_draw", "won"), [(0.89, "retargeting"), (0.9, None), (0.95, None)])
def test_only_a_share_of_sessions_has_a_slot(stage, auction, slot_draw, won):
    assert winner(stage, auction(slot_draw=slot_draw)) == won


def test_no_slot_where_nobody_is_or_nothing_is_sold(stage, auction):
    assert winner(stage, auction(None)) is None
    assert winner(stage, auction("direct")) is None
    assert not stage.ledger["auctions"].any()


def test_campaigns_bid_only_on_their_own_surface(stage, auction):
    assert winner(stage, auction("search")) == "exact"


def test_entered_auctions_are_counted(stage, auction):
    auction()
    auction(rival_normal=9.0)
    entered = {placed.name: stage.ledger[c].auctions for c, placed in enumerate(stage.names.campaigns)}
    assert entered == dict.fromkeys(entered, 0) | {"prospecting": 2, "retargeting": 2, "launch": 2}


@pytest.mark.parametrize(("pace_draw", "won"), [(0.29, "retargeting"), (0.3, "launch"), (0.31, "launch")])
def test_pacing_lets_a_campaign_into_a_share_of_auctions(stage, auction, pace_draw, won):
    stage.board.throttle[:, stage.campaign("social", "retargeting")] = 0.3
    assert winner(stage, auction(pace_draw=pace_draw)) == won


def test_optimised_delivery_bids_more_for_likely_buyers(stage, auction, bids):
    # optimisation 0.3; propensity 1 for someone who is not looking, 60 for someone about to buy
    for mood, margin in ((0, 0.0), (VISITED, 0.3 * math.log(20.0)), (LATE, 0.3 * math.log(60.0))):
        stage.life.mood = mood
        for launch_bid, won in ((2.0 + margin - 1e-9, "retargeting"), (2.0 + margin + 1e-9, "launch")):
            bids(retargeting=2.0, launch=launch_bid)
            assert winner(stage, auction()) == won


def test_targeting_by_segment(stage, auction, bids):
    bids(prospecting=1.0, launch=1.5)
    assert winner(stage, auction()) == "launch"
    stage.person.segment = 1  # older
    assert winner(stage, auction()) == "prospecting"


def test_targeting_by_place_is_by_where_the_session_happens(stage, auction, bids):
    bids(prospecting=1.0, launch=1.5)
    stage.person.geo = 1  # lives in the uk
    assert winner(stage, auction(geo=0)) == "launch"
    assert winner(stage, auction(geo=1)) == "prospecting"


def test_a_geo_test_enters_more_auctions_or_none_and_bids_more_where_it_says(stage, auction, bids):
    bids(prospecting=1.0, launch=1.5)
    launch = stage.campaign("video", "launch")
    board = stage.board._replace(
        plan_spend=np.array([[1.0, 1.0], [0.0, 1.0], [1.6, 1.0]]),
        plan_log_bid=np.array([[0.0, 0.0], [0.0, 0.0], [0.3, 0.0]]),
    )
    stage.board = board
    board.throttle[:, launch] = 0.5
    assert winner(stage, auction(pace_draw=0.4)) == "launch"
    board.geo_plan[3, launch] = 1
    assert winner(stage, auction(pace_draw=0.4)) == "prospecting"  # dark
    board.geo_plan[3, launch] = 2
    assert winner(stage, auction(pace_draw=0.79)) == "launch"  # 0.5 × 1.6 of the auctions
    assert winner(stage, auction(pace_draw=0.81)) == "prospecting"
    bids(prospecting=1.7, launch=1.5)
    assert winner(stage, auction(pace_draw=0.4)) == "launch"  # 1.5 + 0.3
    bids(prospecting=1.9, launch=1.5)
    assert winner(stage, auction(pace_draw=0.4)) == "prospecting"


def test_targeting_by_device(stage, auction):
    assert [winner(stage, auction(device=device)) for device in (0, 1, 2)] == [
        "retargeting",
        "retargeting",
        "launch",
    ]


@pytest.mark.parametrize(
    ("last_visit", "won"), [(3.25 - 7.0, "retargeting"), (3.25 - 7.1, "launch"), (LONG_AGO, "launch")]
)
def test_retargeting_follows_visitors_for_its_audience_days(stage, auction, last_visit, won):
    stage.life.last_visit = last_visit
    assert winner(stage, auction()) == won


@pytest.mark.parametrize(
    ("audience", "field", "values"),
    [
        ("late_funnel", "mood", {VISITED: False, LATE: True}),
        ("customers", "customer", {0: False, 1: True}),
        ("non_customers", "customer", {0: True, 1: False}),
        ("everyone", "customer", {0: True, 1: True}),
    ],
)
def test_audiences(stage, auction, bids, audience, field, values):
    stage.set_up(channels__video__campaigns__launch__targeting__audience=audience)
    bids(launch=1.0)
    for value, admitted in values.items():
        setattr(stage.life, field, value)
        assert (winner(stage, auction()) == "launch") is admitted


def test_a_frequency_cap_holds_for_its_window(stage, auction, bids):
    bids(prospecting=1.0)
    """At most five in any seven days on end, however the five lie in them."""
    c = stage.campaign("social", "prospecting")
    stage.shown.campaigns[c] = 7
    row = stage.law.campaigns[0, c]
    # Numbers 0 to 6 in a ring of five: the last five came on days 1, 2, 4, 5 and 6.
    for number, time in ((2, 1.0), (3, 2.0), (4, 4.0), (5, 5.0), (6, 6.0)):
        stage.shown.times[row.first_time + number % 5] = time
    assert winner(stage, auction(time=7.9, tick=7)) is None
    assert winner(stage, auction(time=8.1, tick=8)) == "prospecting"
    stage.shown.campaigns[c] = 4
    assert winner(stage, auction(time=6.9)) == "prospecting"


def test_a_held_out_campaign_that_would_win_is_a_ghost_and_the_next_one_takes_the_slot(stage, auction, bids):
    bids(prospecting=2.0, launch=1.5)
    hold_out(stage, "social")
    offer = auction()
    assert (winner(stage, offer), ghosts(stage, offer)) == ("launch", {"prospecting"})


def test_every_held_out_channel_that_beats_the_winner_has_one_ghost_its_highest_bidder(stage, auction):
    hold_out(stage, "social", "video")
    offer = auction()
    assert (winner(stage, offer), ghosts(stage, offer)) == (None, {"retargeting", "launch"})


def test_a_held_out_campaign_that_would_lose_is_no_ghost(stage, auction):
    hold_out(stage, "video")
    offer = auction()
    assert (winner(stage, offer), ghosts(stage, offer)) == ("retargeting", set())


def test_an_experiment_that_is_not_running_withholds_nothing(stage, auction):
    hold_out(stage, "social")
    stage.board.holdouts[:] = 0
    assert winner(stage, auction()) == "retargeting"


def test_a_channel_that_is_off_does_not_bid(stage, auction):
    stage.unchanged.off = 1 << stage.channel("social")
    offer = auction()
    assert (winner(stage, offer), ghosts(stage, offer)) == ("launch", set())


def test_a_variant_changes_the_bids_of_its_channel_alone(stage, auction, bids):
    bids(prospecting=1.0, launch=1.5)
    stage.unchanged.channel, stage.unchanged.log_bid_change = stage.channel("social"), 0.6
    assert winner(stage, auction()) == "prospecting"


def test_a_variant_scales_pacing_only_where_the_budget_binds(stage, auction, bids):
    bids(prospecting=1.0)
    stage.unchanged.channel, stage.unchanged.throttle_factor = stage.channel("social"), 0.5
    assert winner(stage, auction(pace_draw=0.8)) == "prospecting"  # not throttled at all
    stage.board.throttle[:, stage.campaign("social", "prospecting")] = 0.6
    assert winner(stage, auction(pace_draw=0.29)) == "prospecting"
    assert winner(stage, auction(pace_draw=0.31)) is None


def test_creatives_on_air_rotate_alike_whatever_the_pacing_draw(stage, auction, bids):
    bids(prospecting=1.0)
    c = stage.campaign("social", "prospecting")
    slots = np.linspace(0.001, 0.899, 200)  # 0.9 of sessions have a slot
    stage.board.live_creatives[:, c] = 2
    for pace_draw in (0.0, 0.5, 0.999):
        shown = [auction(slot_draw=slot, pace_draw=pace_draw).creative for slot in slots]
        assert (shown.count(0), shown.count(1)) == (100, 100)
    stage.board.live_creatives[:, c] = 1
    assert {auction(slot_draw=slot).creative for slot in slots} == {0}
    stage.board.on_air[:, 0] = False  # the first has ended
    assert {auction(slot_draw=slot).creative for slot in slots} == {1}
