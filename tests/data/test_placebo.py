"""The placebo: ads that cause nothing. The truth is zero, tests find nothing, attribution hands out CPAs all the same."""

import math

import pytest

from experiments.truth.effects import ALL

# Eight tests, each with this chance to find what is not there: one seed in a thousand fails somewhere.
FALSE_ALARM = 0.001 / 8


@pytest.fixture(scope="module")
def comparison(comparison_of):
    return comparison_of("placebo", 200_000)


def test_no_channel_causes_anything_and_every_order_is_always(comparison):
    assert len(comparison.channels) == 8
    for channel in comparison.channels:
        assert channel.cost > 0
        assert (channel.truth.incremental_conversions, channel.truth.incremental_value_micros) == (0, 0)
        assert channel.truth.cost_per_incremental_conversion == math.inf
    counts = comparison.truth.labels[ALL].counts()
    assert counts == {"always": comparison.conversions, "caused": 0, "moved": 0, "prevented": 0}
    assert comparison.conversions > 1_000


def test_last_click_still_hands_out_a_finite_cpa_to_every_channel(comparison):
    for channel in comparison.channels:
        assert 0 < channel.attributed_cpa("last_click") < math.inf
        assert channel.verdict.startswith(channel.channel.replace("_", " ").capitalize() + " is over-credited")


def test_every_lift_interval_covers_zero_and_every_incremental_cpa_is_unbounded(comparison):
    for channel in comparison.channels:
        lower, upper = channel.lift.lift.interval(1 - FALSE_ALARM)
        assert lower < 0 < upper
        assert channel.lift.p_value > FALSE_ALARM
        assert channel.lift.cost_per_incremental_conversion(1 - FALSE_ALARM).upper == math.inf
