"""CPA as cost per click over conversion rate: parts by hand, and a fall in every segment that the mix hides."""

import math

import numpy as np
import pytest

from experiments.comparison.explain.factors import FACTORS, Cells, split_cpa


def cells(rows, by_impression=True):
    """One channel; a row per segment: impressions, clicks, cost, actions."""
    impressions, clicks, cost, actions = (column[None, :] for column in np.array(rows, dtype=float).T)
    return Cells(impressions, clicks, cost, actions, np.array([by_impression]))


def test_cost_per_click_over_conversion_rate_is_cpa():
    found = split_cpa(cells([(1000, 10, 20.0, 2)]), cells([(1000, 20, 30.0, 2)]))
    assert found.cpc_before / found.cvr_before == pytest.approx(20.0 / 2)
    assert found.cpc_after / found.cvr_after == pytest.approx(30.0 / 2)
    assert sum(found.parts.values()) == pytest.approx(15.0 - 10.0, abs=1e-12)


@pytest.mark.parametrize(
    ("after", "factor"),
    [
        ((1000, 10, 30.0, 2), "price"),
        ((1000, 5, 20.0, 1), "click rate"),
        ((1000, 10, 20.0, 1), "conversion rate"),
    ],
)
def test_a_change_of_one_factor_is_that_factors_part_alone(after, factor):
    parts = split_cpa(cells([(1000, 10, 20.0, 2)]), cells([after])).parts
    moved = after[2] / after[3] - 10.0
    assert parts == pytest.approx(dict.fromkeys(FACTORS, 0.0) | {factor: moved}, abs=1e-12)


def test_where_clicks_are_paid_for_the_price_is_that_of_a_click():
    parts = split_cpa(cells([(1000, 10, 20.0, 2)], False), cells([(1000, 20, 40.0, 4)], False)).parts
    assert parts == pytest.approx(dict.fromkeys(FACTORS, 0.0), abs=1e-12)


def test_a_fall_in_every_segment_that_the_mix_hides_is_said():
    before = cells([(1000, 10, 10.0, 2), (100, 1, 1.0, 0.05)])  # CPA 5 and 20
    after = cells([(100, 1, 1.0, 0.25), (1000, 10, 10.0, 0.6)])  # CPA 4 and 16.7
    found = split_cpa(before, after)
    assert found.hidden == "fell"
    assert found.parts["mix of segments"] > 0 > found.parts["conversion rate"]
    assert sum(found.parts.values()) == pytest.approx(11.0 / 0.85 - 11.0 / 2.05)


def test_segments_without_clicks_are_counted_with_the_others():
    before = cells([(1000, 10, 10.0, 2), (50, 0, 1.0, 1)])
    after = cells([(1000, 10, 12.0, 2), (50, 1, 1.0, 0)])
    assert sum(split_cpa(before, after).parts.values()) == pytest.approx(13.0 / 2 - 11.0 / 3)


def test_a_channel_that_nobody_clicks_has_actions_per_impression():
    found = split_cpa(cells([(1000, 0, 10.0, 2)]), cells([(1000, 0, 10.0, 4)]))
    assert found.parts["conversion rate"] == pytest.approx(2.5 - 5.0)
    assert math.isnan(found.cpc_before)


@pytest.mark.parametrize("nothing", [(0, 0, 0.0, 0), (1000, 10, 20.0, 0)])
def test_what_has_no_price_is_not_taken_apart(nothing):
    assert split_cpa(cells([(1000, 10, 20.0, 2)]), cells([nothing])).parts == {}


def test_parts_add_on_random_segments():
    rng = np.random.default_rng(5)
    for _ in range(50):
        states = []
        for _ in range(2):
            impressions = rng.integers(0, 50, (3, 4)).astype(float)
            clicks = rng.binomial(impressions.astype(int), 0.3).astype(float)
            cost, actions = rng.random((3, 4)) * impressions, rng.binomial(clicks.astype(int), 0.5) * 1.0
            states.append(Cells(impressions, clicks, cost, actions, np.array([True, False, True])))
        before, after = states
        found = split_cpa(before, after)
        if found.parts:
            moved = after.cost.sum() / after.actions.sum() - before.cost.sum() / before.actions.sum()
            assert sum(found.parts.values()) == pytest.approx(moved, abs=1e-9)
