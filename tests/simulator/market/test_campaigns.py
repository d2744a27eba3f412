"""Campaigns: what an impression is worth under each billing model, flights, and creatives that grow old."""

import math

import pytest

from simulator.market.campaigns import (
    OUTBIDS_ALL,
    flat_fee_micros,
    freshness,
    is_live,
    last_fresh,
    log_bid_per_impression,
    log_rival_price,
    on_air,
)
from simulator.scenario.schema import Campaign, Channel, Creative, LogNormal, Order

ORDER = Order(value=LogNormal(mean=80.0, sigma=0.5))


@pytest.mark.parametrize(
    ("billing", "bid", "worth"),
    [
        ("cpm", 6.0, 6.0 / 1000.0),
        ("cpc", 2.0, 2.0 * 0.03),
        ("cpl", 20.0, 20.0 * 0.002),
        ("cpa", 20.0, 20.0 * 0.002),
        ("revenue_share", 0.1, 0.1 * 80.0 * 0.002),
    ],
)
def test_a_bid_is_worth_what_an_impression_brings(billing, bid, worth):
    campaign = Campaign(billing=billing, bid=bid, click_through_rate=0.03, expected_action_rate=0.002)
    assert math.exp(log_bid_per_impression(campaign, ORDER)) == pytest.approx(worth)


@pytest.mark.parametrize("billing", ["cpm", "cpc", "cpl", "cpa", "revenue_share"])
def test_who_bids_nothing_never_wins(billing):
    assert log_bid_per_impression(Campaign(billing=billing, bid=0.0), ORDER) == -math.inf


def test_a_flat_fee_buys_the_placement():
    assert log_bid_per_impression(Campaign(billing="flat", bid=0.0), ORDER) == OUTBIDS_ALL


def test_the_rival_s_mean_price_is_the_rival_cpm(scenario):
    place = scenario.surfaces["feed"]
    mean_price = math.exp(log_rival_price(scenario, "feed") + 0.5 * place.rival_sigma**2)
    assert mean_price == pytest.approx(6.0 / 1000.0)


def test_a_flight_includes_its_first_day_and_not_its_last():
    campaign = Campaign(bid=1.0, start_day=2.0, end_day=5.0)
    assert [on_air(campaign, day) for day in (1.9, 2.0, 4.9, 5.0)] == [False, True, True, False]
    assert on_air(Campaign(bid=1.0), 1e6)


def test_a_flat_fee_is_paid_by_the_day_and_scales_with_the_people_simulated():
    campaign = Campaign(billing="flat", bid=300.0)
    assert flat_fee_micros(campaign, 0.5, 0.01) == 1_500_000
    assert flat_fee_micros(Campaign(billing="cpm", bid=300.0), 0.5, 0.01) == 0


def test_creatives_are_on_air_from_their_launch_to_their_end():
    late, first, brief = Creative(launch_day=3.0), Creative(), Creative(launch_day=1.0, end_day=3.0)
    campaign = Campaign(bid=1.0, creatives={"late": late, "first": first, "brief": brief})
    assert [is_live(late, day) for day in (2.9, 3.0, 98.0)] == [False, True, True]
    assert [is_live(brief, day) for day in (0.9, 1.0, 2.9, 3.0)] == [False, True, True, False]
    assert is_live(first, -40.0)
    assert list(campaign.creatives_by_launch()) == ["first", "brief", "late"]


def test_a_creative_is_new_at_its_launch_and_at_each_refresh():
    campaign = Campaign(bid=1.0, start_day=2.0)
    assert last_fresh(Creative(), Campaign(bid=1.0), 5.0, -42.0) == -42.0  # ran all the time
    assert last_fresh(Creative(), campaign, 5.0, -42.0) == 2.0
    weekly = Creative(launch_day=3.0, refresh_days=7.0)
    assert [last_fresh(weekly, campaign, day, -42.0) for day in (3.0, 9.9, 10.0, 17.5)] == [3.0, 3.0, 10.0, 17.0]


def test_a_creative_is_half_as_fresh_after_each_half_life():
    channel = Channel(creative_half_life_days=10.0)
    assert freshness(channel, 5.0, 4.0) == 1.0
    assert freshness(channel, 5.0, 5.0) == 1.0
    assert freshness(channel, 5.0, 15.0) == pytest.approx(0.5)
    assert freshness(channel, 5.0, 25.0) == pytest.approx(0.25)
    assert freshness(Channel(), 5.0, 1e6) == 1.0
