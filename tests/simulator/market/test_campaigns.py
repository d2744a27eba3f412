"""Campaigns: what an impression is worth under each billing model, pacing, and creatives that grow old."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.market.campaigns import (
    CATCH_UP_DAYS,
    FIRST_THROTTLE,
    OUTBIDS_ALL,
    Pacing,
    flat_fee_micros,
    freshness,
    live_creatives,
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


def test_without_a_budget_a_campaign_enters_every_auction():
    assert Pacing().next_share(None, 1.0) == 1.0


def test_pacing_spends_what_has_accrued_over_what_all_auctions_would_cost():
    pacing = Pacing()
    assert pacing.next_share(10.0, 1.0) == FIRST_THROTTLE
    pacing.observe(20.0, FIRST_THROTTLE)  # all auctions would have cost 40; 20 of 10 are spent
    assert pacing.next_share(10.0, 1.0) == 0.0
    pacing.observe(0.0, 0.0)
    assert pacing.next_share(10.0, 1.0) == pytest.approx(10.0 / 40.0)
    pacing.observe(8.0, 0.25)  # cheaper now: all auctions would cost 32
    assert pacing.next_share(10.0, 1.0) == pytest.approx((40.0 - 28.0) / 32.0)


def test_a_campaign_that_found_no_auctions_catches_up_at_most_so_many_budgets_a_day():
    pacing = Pacing()
    for _ in range(10):
        pacing.next_share(10.0, 1.0)
        pacing.observe(0.0, 1.0)
    pacing.observe(100.0, 1.0)
    pacing.spent = 0.0
    assert pacing.next_share(10.0, 1.0) == pytest.approx(CATCH_UP_DAYS * 10.0 / 100.0)


@given(
    st.lists(st.tuples(st.floats(0.0, 50.0), st.floats(0.1, 20.0)), min_size=1, max_size=40),
    st.sampled_from([1.0, 0.25, 1.5]),
)
def test_a_budget_is_overspent_by_no_more_than_the_last_tick_s_spend(ticks, days):
    """`ticks` are what all auctions of a tick would cost, and the daily budget in force."""
    pacing = Pacing()
    accrued = 0.0
    for full_cost, budget in ticks:
        share = pacing.next_share(budget, days)
        accrued += budget * days
        assert 0.0 <= share <= 1.0
        before = pacing.spent
        pacing.observe(full_cost * share, share)
        assert pacing.spent <= max(accrued, before) + full_cost * share
        if before >= accrued:
            assert share == 0.0


@given(st.floats(1.0, 100.0), st.floats(0.1, 0.9))
def test_a_steady_market_spends_the_budget_to_the_day(full_cost, fraction):
    pacing = Pacing()
    budget = fraction * full_cost
    for _ in range(30):
        share = pacing.next_share(budget, 1.0)
        pacing.observe(full_cost * share, share)
    assert pacing.spent == pytest.approx(30.0 * budget, rel=1e-6)


def test_creatives_go_on_air_on_their_day():
    campaign = Campaign(
        bid=1.0,
        creatives={"late": Creative(launch_day=3.0), "first": Creative(), "never": Creative(launch_day=99.0)},
    )
    assert [live_creatives(campaign, day) for day in (0.0, 2.9, 3.0, 98.0)] == [1, 1, 2, 2]
    assert list(campaign.creatives_by_launch()) == ["first", "late", "never"]


def test_a_creative_is_half_as_fresh_after_each_half_life():
    channel = Channel(creative_half_life_days=10.0)
    assert freshness(channel, 5.0, 4.0) == 1.0
    assert freshness(channel, 5.0, 5.0) == 1.0
    assert freshness(channel, 5.0, 15.0) == pytest.approx(0.5)
    assert freshness(channel, 5.0, 25.0) == pytest.approx(0.25)
    assert freshness(Channel(), 5.0, 1e6) == 1.0
