"""Step 5, click or organic way: which visits an ad adds, and which it replaces."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.law import visit as module
from simulator.law.state import IN_MARKET, LATE, LONG_AGO, NOBODY, OUT_OF_MARKET, Offer

NOTHING = Offer(NOBODY, NOBODY, 0.0, 0)


@pytest.fixture
def visit(plain, stage):
    step = plain(module.visit)

    def call(draw, where="search", campaign=None, **changes):
        offer = NOTHING
        if campaign is not None:
            c = stage.campaign(*campaign)
            offer = Offer(c, stage.names.campaigns[c].first_creative, 0.0, 0)
        place = NOBODY if where is None else stage.surface(where)
        moment = stage.moment(visit_draw=draw, **changes)
        return step(stage.law, stage.board, stage.life, stage.shown, moment, place, offer)

    return call


def way(stage, arrival):
    """`click`, `organic` or `none`."""
    if arrival.channel == NOBODY:
        return "none"
    return "click" if arrival.campaign != NOBODY else "organic"


EXACT = ("brand_search", "exact")


@pytest.fixture
def shown_once(stage):
    stage.shown.creatives.count = 1.0
    return stage


def test_without_an_ad_people_come_by_the_visit_share_of_their_mood(stage, visit):
    for mood, share in ((OUT_OF_MARKET, 0.3), (IN_MARKET, 0.5), (LATE, 0.8)):
        stage.life.mood = mood
        assert visit(share - 1e-9) == (stage.channel("organic"), NOBODY, NOBODY)
        assert visit(share + 1e-9) == (NOBODY, NOBODY, NOBODY)


def test_nobody_comes_from_nowhere(stage, visit):
    assert way(stage, visit(1e-9, where=None)) == "none"


def test_a_click_comes_by_way_of_the_campaign(shown_once, visit):
    arrival = visit(1e-9, campaign=EXACT)
    c = shown_once.campaign(*EXACT)
    creative = shown_once.names.campaigns[c].first_creative
    assert arrival == (shown_once.channel("brand_search"), c, creative)


def test_clicks_replace_visits_by_the_substitution_and_add_the_rest(shown_once, visit):
    # Out of market: interest 1, so clicks 0.2 of which 0.18 replaced; visits without the ad 0.3.
    borders = [(0.18, "click", "organic"), (0.30, "organic", "click"), (0.32, "click", "none")]
    for border, below, above in borders:
        assert way(shown_once, visit(border - 1e-9, campaign=EXACT)) == below
        assert way(shown_once, visit(border + 1e-9, campaign=EXACT)) == above


def test_no_more_visits_are_replaced_than_there_are(shown_once, visit):
    shown_once.set_up(channels__brand_search__campaigns__exact__click_through_rate=0.5)
    shown_once.shown.creatives.count = 1.0
    # Clicks 0.5, of which 0.45 would replace visits, but only 0.3 visits are there; 0.05 are added.
    assert way(shown_once, visit(0.3 - 1e-9, campaign=EXACT)) == "click"
    assert way(shown_once, visit(0.35 - 1e-9, campaign=EXACT)) == "click"
    assert way(shown_once, visit(0.35 + 1e-9, campaign=EXACT)) == "none"


@given(draw=st.floats(1e-6, 1 - 1e-6), substitution=st.floats(0, 1), rate=st.floats(0, 1), mood=st.integers(0, 3))
def test_an_ad_never_keeps_anyone_from_coming(plain, draw, substitution, rate, mood):
    # Built by hand, because a stage must not be shared between examples.
    law = SimpleNamespace(
        visit_share=np.array([[[0.3], [0.5], [0.7], [0.8]]]),
        campaigns=np.array(
            [[(rate, substitution, 0, 0)]],
            dtype=[
                ("click_through_rate", "f8"),
                ("substitution", "f8"),
                ("channel", "i4"),
                ("billing", "u1"),
            ],
        ).view(np.recarray),
        creatives=np.array([[(1.0,)]], dtype=[("click_factor", "f8")]).view(np.recarray),
        channels=np.array([[(0.0,)]], dtype=[("wear_per_impression", "f8")]).view(np.recarray),
        interest=np.array([[1.0, 2.0, 3.0, 4.0]]),
        surfaces=np.array(
            [[(1, 1.0, 0.2)]], dtype=[("visit_channel", "i4"), ("slot_share", "f8"), ("conquest_share", "f8")]
        ).view(np.recarray),
    )
    board = SimpleNamespace(freshness=np.ones((1, 1)))
    life = SimpleNamespace(mood=mood)
    shown = SimpleNamespace(creatives=np.array([(1.0,)], dtype=[("count", "f8")]).view(np.recarray))
    moment = SimpleNamespace(epoch=0, tick=0, time=1.0, visit_draw=draw, slot_draw=0.5)
    step = plain(module.visit)
    without = step(law, board, life, shown, moment, 0, NOTHING)
    with_ad = step(law, board, life, shown, moment, 0, Offer(0, 0, 0.0, 0))
    if without.channel != NOBODY:
        assert with_ad.channel != NOBODY
    lost_to_a_rival = 0.8 * law.visit_share[0, mood, 0] <= draw < law.visit_share[0, mood, 0]
    if with_ad.channel != NOBODY and with_ad.campaign == NOBODY:
        assert without.channel == NOBODY if lost_to_a_rival else with_ad == without


def test_click_probability_is_rate_interest_creative_freshness_and_wear(plain, stage):
    stage.life.mood = IN_MARKET
    c = stage.campaign("social", "prospecting")
    stage.board.freshness[3, 1] = 0.5
    stage.shown.creatives[1].count = 11.0  # ten before this one; worn out by half at twenty
    probability = plain(module.click_probability)(
        stage.law, stage.board, stage.life, stage.shown, stage.moment(), Offer(c, 1, 0.0, 0)
    )
    assert probability == pytest.approx(0.02 * 2.0 * 1.5 * 0.5 / (1.0 + 10.0 / 20.0))


@pytest.mark.parametrize(
    ("campaign", "where", "remembered"),
    [
        (("affiliate", "coupon"), "deals", True),  # share of revenue
        (("affiliate", "cashback"), "deals", True),  # per action
        (("brand_search", "form"), "search", True),  # per lead
        (("brand_search", "exact"), "search", False),  # per click
        (("social", "prospecting"), "feed", False),  # per thousand impressions
        (("email", "newsletter"), "inbox", False),  # flat
    ],
)
def test_the_last_click_that_can_earn_a_fee_is_remembered(shown_once, visit, campaign, where, remembered):
    organic = 0.3 if where == "search" else 0.0
    assert way(shown_once, visit(organic + 1e-9, where=where, campaign=campaign)) == "click"
    expected = (shown_once.campaign(*campaign), 3.25) if remembered else (NOBODY, LONG_AGO)
    assert (shown_once.life.fee_campaign, shown_once.life.fee_time) == expected


def test_a_rival_in_the_slot_takes_some_of_the_organic_visits(stage, visit):
    """With a conquest share of .1, of draws below .5, the visit share in the market, those from .45 on are lost."""
    stage.set_up(surfaces__search__conquest_share=0.1)
    stage.life.mood = IN_MARKET
    assert way(stage, visit(0.449)) == "organic"
    assert way(stage, visit(0.451)) == "none"
    assert way(stage, visit(0.451, campaign=EXACT)) != "none"


def test_a_placebo_ad_keeps_the_rival_out_of_the_slot(stage, plain):
    stage.set_up(surfaces__search__conquest_share=0.1)
    stage.life.mood = IN_MARKET
    step = plain(module.visit)
    placebo = Offer(NOBODY, NOBODY, 0.0, 0, 0, True)
    arrival = step(
        stage.law, stage.board, stage.life, stage.shown, stage.moment(visit_draw=0.451), stage.surface("search"), placebo
    )  # fmt: skip
    assert way(stage, arrival) == "organic"


def test_where_there_is_no_slot_no_rival_takes_anything(stage, plain):
    stage.set_up(surfaces__search__slot_share=0.5, surfaces__search__conquest_share=0.1)
    stage.life.mood = IN_MARKET
    step = plain(module.visit)
    for slot_draw, expected in ((0.4, "none"), (0.6, "organic")):
        moment = stage.moment(visit_draw=0.451, slot_draw=slot_draw)
        arrival = step(stage.law, stage.board, stage.life, stage.shown, moment, stage.surface("search"), NOTHING)
        assert way(stage, arrival) == expected
