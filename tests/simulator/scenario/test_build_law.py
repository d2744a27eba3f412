"""Parameters: a scenario's tables as the arrays the law reads."""

import math

import numpy as np
import pytest

from simulator.law.state import NO_LIMIT, NOBODY
from simulator.scenario.build_law import Names, build_law, log_mean
from simulator.scenario.loading import load_scenario
from simulator.scenario.schema import LogNormal
from simulator.scenario.timeline import versions
from simulator.world import simulate


@pytest.fixture
def law(scenario):
    return build_law([version.scenario for version in versions(scenario)])


@pytest.fixture
def names(scenario):
    return Names.of(scenario)


def test_positions_follow_the_order_of_the_scenario(names, scenario):
    assert names.surfaces == ("feed", "search", "deals", "inbox", "direct")
    assert names.channels == tuple(scenario.channels)
    assert [(c.channel, c.name) for c in names.campaigns][:4] == [
        ("social", "prospecting"), ("social", "retargeting"), ("video", "launch"), ("brand_search", "exact"),
    ]  # fmt: skip
    assert names.creatives[:3] == ("a", "b", "standard")
    assert [campaign.first_creative for campaign in names.campaigns] == [0, 2, 3, 4, 5, 6, 7, 8]
    assert [names.channels[k] for k in names.paid_channels()] == scenario.paid_channels()


def test_there_is_one_row_for_each_version_of_the_scenario(law, names):
    exact = [campaign.name for campaign in names.campaigns].index("exact")
    assert list(law.campaigns["bid"][:, exact]) == [1.0, 1.4, 1.4]
    assert list(law.rules["rival_per_day"]) == [0.05, 0.05, 0.1]


def test_each_surface_finds_its_campaigns(law, names):
    for s in range(len(names.surfaces)):
        place = law.surfaces[0, s]
        found = law.campaigns_of_surface[place.first_campaign : place.first_campaign + place.campaigns]
        assert [names.campaigns[c].surface for c in found] == [s] * len(found)
    assert sorted(law.campaigns_of_surface) == list(range(len(names.campaigns)))


def test_a_half_life_is_the_time_in_which_half_is_forgotten(law, names):
    video = law.channels[0, names.channels.index("video")]
    assert math.exp(-video.fading_per_day * 14.0) == pytest.approx(0.5)


def test_what_is_not_limited_has_no_limit(law, names):
    assert law.campaigns[0, 1].frequency_cap == 0
    assert law.channels[0, names.channels.index("video")].overexposure_impressions == NO_LIMIT
    assert law.channels[0, names.channels.index("video")].wear_per_impression == 0.0
    assert law.surfaces[0, names.surfaces.index("feed")].visit_channel == NOBODY


def test_targeting_admits_whom_it_names_or_everyone(law, names):
    by_name = {campaign.name: c for c, campaign in enumerate(names.campaigns)}
    launch, newsletter = law.campaigns[0, by_name["launch"]], law.campaigns[0, by_name["newsletter"]]
    assert (launch.segments, newsletter.segments) == (0b01, 0b11)
    assert list(law.admits_geo[0, by_name["launch"]]) == [True, False]
    assert list(law.admits_geo[0, by_name["newsletter"]]) == [True, True]
    assert law.campaigns[0, by_name["retargeting"]].devices == 0b011


def test_synergy_is_a_matrix_from_the_other_channel_to_this_one(law, names):
    expected = np.zeros((7, 7))
    expected[names.channels.index("social"), names.channels.index("video")] = 0.5
    assert (law.synergy[0] == expected).all()


def test_a_log_normal_quantity_has_the_mean_it_names():
    quantity = LogNormal(mean=80.0, sigma=0.5)
    assert math.exp(log_mean(quantity) + 0.5**2 / 2) == pytest.approx(80.0)


def test_a_market_without_ads_is_a_market(market):
    for channel in market["channels"].values():
        channel.pop("campaigns", None)
    market["timeline"] = []
    world = simulate(load_scenario(market))
    assert set(world.events["kind"].to_pylist()) <= {
        "visit", "micro:view", "micro:cart", "conversion", "qualified", "closed", "refund",
    }  # fmt: skip
    assert world.orders().num_rows > 0
    assert world.market.num_rows == 0
    assert world.cost_micros() == {}
