"""Interactions: every subset of channels, lived; Shapley values that add up, synergy as it is defined."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpalab.refusal import ScenarioError
from experiments.truth.effects import measure_truth
from experiments.truth.interactions import MOST_CHANNELS, Interactions, measure_interactions
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

CHANNELS = ("brand_search", "social_prospecting", "video")


@pytest.fixture(scope="module")
def found(unlimited):
    return measure_interactions(unlimited, CHANNELS)


def test_each_channel_on_top_of_the_others_is_its_average_truth(unlimited, found):
    truth = measure_truth(unlimited, estimands=("average",))
    expected = [truth.effect(channel).incremental_conversions for channel in CHANNELS]
    assert found.to_frame()["conversions_on_top"].tolist() == expected
    assert found.orders[-1] == unlimited.orders_until(math.inf).num_rows > truth.conversions


def test_a_world_with_two_channels_off_is_the_one_that_is_played_on_its_own(shop, found):
    off_air = {
        f"channels.{channel}.campaigns.{name}.start_day": 1e6
        for channel in ("brand_search", "social_prospecting")
        for name in shop().channels[channel].campaigns
    }
    # From day 0 on: the warm-up is the same in all worlds.
    silent = shop({"timeline": [{"day": 0.0, "set": off_air}]}, budgets=False)
    # Bit i of the position is channel i: only video is on.
    assert found.orders[0b100] == simulate(silent).orders_until(math.inf).num_rows


def test_shapley_values_share_out_what_the_channels_cause_together(found):
    assert found.shapley_conversions.sum() == pytest.approx(found.orders[-1] - found.orders[0])
    assert found.shapley_value_micros.sum() == pytest.approx(found.value_micros[-1] - found.value_micros[0])
    assert found.synergy == pytest.approx(found.synergy.T)
    assert f"Together these channels caused {found.orders[-1] - found.orders[0]:,.0f}" in found.summary()


@given(st.lists(st.integers(0, 1000), min_size=4, max_size=4))
def test_the_synergy_of_two_is_what_both_do_beyond_each(orders):
    pair = Interactions(("a", "b"), np.array(orders, float), np.zeros(4), np.zeros(2, np.int64))
    nobody, a, b, both = orders
    assert pair.synergy[0, 1] == pytest.approx(both - a - b + nobody)
    assert pair.synergy_frame()["synergy_conversions"].tolist() == pytest.approx([both - a - b + nobody])


@given(st.lists(st.integers(0, 100), min_size=4, max_size=4))
def test_channels_that_only_add_up_have_no_synergy(gains):
    members = np.arange(16)[:, None] >> np.arange(4) & 1
    game = Interactions(tuple("abcd"), members @ np.array(gains, float), np.zeros(16), np.zeros(4, np.int64))
    assert game.shapley_conversions == pytest.approx(gains)
    assert game.synergy == pytest.approx(np.zeros((4, 4)))


def test_ads_that_cause_nothing_have_nothing_to_share():
    world = simulate(load_scenario("placebo", {"run.users": 5_000}))
    found = measure_interactions(world, world.scenario.paid_channels()[:2])
    assert found.shapley_conversions.tolist() == [0.0, 0.0]
    assert found.synergy.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert found.to_frame()["cost_per_shapley_conversion"].tolist() == [np.inf, np.inf]


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ((), f"1 to {MOST_CHANNELS}"),
        (("vidoe",), "did you mean video?"),
        (("direct",), "is no channel with campaigns"),
        (("video", "video"), "must name each channel once"),
    ],
)
def test_channels_that_cannot_be_switched_are_refused(unlimited, channels, words):
    with pytest.raises(ScenarioError, match=words):
        measure_interactions(unlimited, channels)
