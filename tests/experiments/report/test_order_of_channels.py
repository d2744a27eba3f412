"""Which channel is over-credited, and in which order channels stand."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.comparison.comparison import ChannelComparison
from experiments.comparison.verdict import verdict
from experiments.report.order_of_channels import by_over_credit, credited_per_caused, models
from experiments.truth.effects import Effect


def one(cost: float, credited: float, caused: int) -> ChannelComparison:
    effect = Effect("video", "average", round(cost * 1e6), caused, 0, 1)
    said = verdict("video", cost, credited, effect, "last_click")
    return ChannelComparison("video", cost, 0, 0, {"last_click": credited}, None, effect, said)


@pytest.mark.parametrize(
    ("cost", "credited", "caused", "factor", "judgement"),
    [
        (100.0, 20.0, 10, 2.0, "over-credited"),
        (100.0, 10.0, 20, 0.5, "under-credited"),
        (100.0, 11.0, 10, 1.1, "about right"),
        (100.0, 10.0, 0, math.inf, "over-credited"),
        (100.0, 10.0, -3, math.inf, "over-credited"),
        (100.0, 0.0, 10, 0.0, "under-credited"),
        (100.0, 0.0, 0, math.nan, "without effect"),
        (0.0, 5.0, 5, math.nan, "free"),
    ],
)
def test_it_is_credited_over_caused(cost, credited, caused, factor, judgement):
    found = credited_per_caused(one(cost, credited, caused), "last_click")
    assert found.judgement == judgement
    assert found.factor == pytest.approx(factor, nan_ok=True)


SAID = {
    "over-credited": "is over-credited",
    "under-credited": "is under-credited",
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
    assert SAID[credited_per_caused(channel, "last_click").judgement] in channel.verdict


def test_the_most_over_credited_come_first_and_those_without_a_price_last(comparison):
    assert [c.channel for c in by_over_credit(comparison)] == [
        "brand_search",  # caused nothing
        "retargeting",  # 210 / 30
        "shopping",  # 30 / 28
        "video",  # 40 / 200
        "coupon",  # credited nothing, caused nothing
    ]


def test_no_channels_no_models(comparison):
    without_ads = replace(comparison, channels=())
    assert models(without_ads) == ()
    assert by_over_credit(without_ads) == ()
