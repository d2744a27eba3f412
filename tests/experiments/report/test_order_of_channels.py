"""Who is flattered, and in which order channels stand."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.comparison.comparison import ChannelComparison
from experiments.comparison.verdict import verdict
from experiments.report.order_of_channels import by_flattery, flattery, models
from experiments.truth.effects import Effect


def one(cost: float, credited: float, caused: int) -> ChannelComparison:
    effect = Effect("video", "average", round(cost * 1e6), caused, 0, 1)
    said = verdict("video", cost, credited, effect, "last_click")
    return ChannelComparison("video", cost, 0, 0, {"last_click": credited}, None, effect, said)


@pytest.mark.parametrize(
    ("cost", "credited", "caused", "factor", "judgement"),
    [
        (100.0, 20.0, 10, 2.0, "flattered"),
        (100.0, 10.0, 20, 0.5, "wronged"),
        (100.0, 11.0, 10, 1.1, "about right"),
        (100.0, 10.0, 0, math.inf, "flattered"),
        (100.0, 10.0, -3, math.inf, "flattered"),
        (100.0, 0.0, 10, 0.0, "wronged"),
        (100.0, 0.0, 0, math.nan, "without effect"),
        (0.0, 5.0, 5, math.nan, "free"),
    ],
)
def test_flattery_is_credited_over_caused(cost, credited, caused, factor, judgement):
    found = flattery(one(cost, credited, caused), "last_click")
    assert found.judgement == judgement
    assert found.factor == pytest.approx(factor, nan_ok=True)


SAID = {
    "flattered": "is flattered",
    "wronged": "is wronged",
    "about right": "is priced about right",
    "free": "cost nothing",
    "without effect": "was credited with nothing and",
}


@given(
    cost=st.sampled_from([0.0, 3.0, 100.0]),
    credited=st.one_of(st.just(0.0), st.floats(0.1, 1000.0)),
    caused=st.integers(-5, 1000),
)
def test_the_judgement_is_the_one_of_the_verdict(cost, credited, caused):
    channel = one(cost, credited, caused)
    assert SAID[flattery(channel, "last_click").judgement] in channel.verdict


def test_the_most_flattered_come_first_and_those_without_a_price_last(comparison):
    assert [c.channel for c in by_flattery(comparison)] == [
        "brand_search",  # caused nothing
        "retargeting",  # 210 / 30
        "shopping",  # 30 / 28
        "video",  # 40 / 200
        "coupon",  # credited nothing, caused nothing
    ]


def test_no_channels_no_models(comparison):
    without_ads = replace(comparison, channels=())
    assert models(without_ads) == ()
    assert by_flattery(without_ads) == ()
