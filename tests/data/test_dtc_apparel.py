"""The default scenario's claims: who is over- and who under-credited, and how near it lies to published values."""

import math

import numpy as np
import pyarrow.compute as pc
import pytest

from experiments.truth.effects import ALL
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

pytestmark = pytest.mark.xdist_group("dtc-apparel")

SIZES = [pytest.param(300_000, id="300k"), pytest.param(1_000_000, id="1M", marks=pytest.mark.study)]


@pytest.fixture(params=SIZES)
def users(request):
    return request.param


@pytest.fixture
def world(world_of, users):
    return world_of("dtc-apparel", users)


@pytest.fixture
def comparison(comparison_of, users):
    return comparison_of("dtc-apparel", users)


@pytest.fixture
def channel(comparison):
    return {channel.channel: channel for channel in comparison.channels}


def standard_error(share, count):
    return math.sqrt(share * (1 - share) / count)


@pytest.mark.parametrize("name", ["brand_search", "coupon"])
def test_interceptors_look_cheap_and_cost_at_least_five_times_more_per_incremental_order(channel, comparison, name):
    cheap = channel[name].attributed_cpa("last_click")
    paid = sum(c.cost for c in comparison.channels) / sum(c.credits["last_click"] for c in comparison.channels)
    assert cheap < paid / 2
    # At 300,000 people last click credits either with about 160 orders of which 0 to 4 are incremental (seeds 1-6):
    # fewer than 5 times would take 33, which no seed will bring.
    assert channel[name].truth.cost_per_incremental_conversion >= 5 * cheap
    assert "is over-credited" in channel[name].verdict


@pytest.mark.parametrize("name", ["social_prospecting", "video"])
def test_demand_makers_cost_less_per_incremental_order_than_last_click_says(channel, name):
    assert channel[name].truth.cost_per_incremental_conversion < channel[name].attributed_cpa("last_click")
    assert "is under-credited" in channel[name].verdict


def test_between_half_and_seven_tenths_of_orders_need_no_ads(comparison):
    # 57 % with a standard error of 1.1 points at 300,000 people: the bounds are six standard errors away.
    assert 0.50 <= comparison.truth.labels[ALL].counts()["always"] / comparison.conversions <= 0.70


def test_paid_brand_clicks_come_back_by_themselves_when_brand_search_is_off(world, users):
    off = {"run.users": users, "channels.brand_search.campaigns.exact.bid": 0.0}
    without = simulate(load_scenario("dtc-apparel", off), threads=2)
    clicks = sessions_with(world, "click", "brand_search")
    clicks = clicks[~world.users["robot"].to_numpy(zero_copy_only=False)[clicks >> 32]]
    assert len(clicks) > 1_000
    assert len(sessions_with(without, "click", "brand_search")) == 0
    # Blake, Nosko, Tadelis (2015): 94.1 % on one search engine, 97 % on another. Standard error here: 0.5 points.
    assert np.isin(clicks, sessions_with(without, "visit")).mean() >= 0.94


def sessions_with(world, kind, channel=None):
    """Addresses (user × 2^32 + session) of the sessions with such an event."""
    events = world.events.filter(pc.equal(world.events["kind"], kind))
    if channel is not None:
        events = events.filter(pc.equal(events["channel"], channel))
    return events["user_id"].to_numpy().astype(np.int64) << 32 | events["session"].to_numpy()


def test_most_click_paths_have_one_touch(comparison):
    # Eight seeds at 300,000 people lie between 53.4 % and 57.5 % (mean 55.2 %, standard error 1.2 points): four standard
    # errors from the claim's lower end.
    assert 0.50 <= comparison.lag.single_touch_share <= 0.70


def test_orders_follow_clicks_as_soon_as_published(comparison):
    # Published: 35 % within an hour, 50 % within a day. The best log-normal curve gives 29 % and 58 % and is called unfit:
    # the simulated curve must lie nearer than that (distance in the two shares) by three standard errors.
    lag = dict(zip(comparison.lag.lag_days, comparison.lag.share, strict=True))
    distance = math.hypot(lag[1 / 24] - 0.35, lag[1.0] - 0.50)
    unfit = math.hypot(0.29 - 0.35, 0.58 - 0.50)
    assert distance < unfit - standard_error(0.5, comparison.lag.conversions)


def test_the_week_and_the_day_have_a_shape(world):
    # The calendar says 1.74 at its peak hour against 0.12 at night.
    visits = world.events.filter(pc.equal(world.events["kind"], "visit"))
    hours = (visits["time"].to_numpy() % 1 * 24).astype(int)
    counts = np.bincount(hours, minlength=24)
    assert counts[20] > 5 * counts[3]
