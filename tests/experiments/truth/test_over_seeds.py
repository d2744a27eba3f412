"""Truth over seeds: each market is that of its seed, and intervals hold what they promise."""

import math

import numpy as np
import pytest

from cpalab.refusal import InvalidInputError
from experiments.truth.effects import ALL, measure_truth
from experiments.truth.markets_like_it import interval_of_caused
from experiments.truth.over_seeds import EffectOverSeeds, truth_over_seeds
from simulator.world import simulate


def test_each_market_is_that_of_its_seed(shop, unlimited):
    found = truth_over_seeds(unlimited, 3)
    assert found.seeds == (11, 12, 13)
    for i, seed in enumerate(found.seeds):
        truth = measure_truth(simulate(shop({"run.seed": seed}, budgets=False)))
        for own in found.effects:
            effect = truth.effect(own.channel, "joint" if own.channel == ALL else "average")
            assert (own.conversions[i], own.cost_micros[i]) == (effect.incremental_conversions, effect.cost_micros)
    assert "3 markets are few" in found.summary()
    assert (found.to_frame()["seeds"] == 3).all()


def test_the_interval_over_people_is_the_first_markets_own(unlimited):
    truth = measure_truth(unlimited)
    found = truth_over_seeds(unlimited, 2, truth=truth)
    for own in found.effects:
        assert (own.people_lower, own.people_upper) == interval_of_caused(truth.labels[own.channel])


def test_intervals_by_hand():
    own = EffectOverSeeds("video", np.array([8.0, 10.0, 12.0]), np.array([90e6, 100e6, 110e6]), 1.0, 20.0)
    t = 4.302652729911275
    assert own.mean == 10.0
    assert own.interval == pytest.approx((10 - t * 2 / math.sqrt(3), 10 + t * 2 / math.sqrt(3)))
    assert own.one_market == pytest.approx((10 - t * 2 * math.sqrt(4 / 3), 10 + t * 2 * math.sqrt(4 / 3)))
    assert own.cost_per_incremental_conversion == 10.0
    lower, upper = own.price_interval
    assert lower < 10.0 < upper < math.inf


def test_a_price_has_no_upper_end_where_markets_without_effect_are_possible():
    own = EffectOverSeeds("video", np.array([-3.0, 1.0, 5.0]), np.full(3, 100e6), -4.0, 4.0)
    assert own.price_interval[1] == math.inf


@pytest.mark.parametrize("seeds", [-1, 0, 1, 10_001])
def test_one_market_has_no_interval_over_markets(unlimited, seeds):
    with pytest.raises(InvalidInputError, match="must be from 2 to 10,000"):
        truth_over_seeds(unlimited, seeds)


@pytest.mark.study
def test_intervals_over_people_hold_the_mean_of_four_hundred_seeds(shop):
    """Of each market its own interval over people; 95 ± 3.5 % of them hold the mean of all."""
    held, markets = [], []
    for seed in range(400):
        truth = measure_truth(simulate(shop({"run.seed": seed, "run.users": 2_000}, budgets=False)))
        markets.append(
            [truth.effect("video").incremental_conversions, truth.effect(ALL, "joint").incremental_conversions]
        )
        held.append([interval_of_caused(truth.labels["video"]), interval_of_caused(truth.labels[ALL])])
    means = np.mean(markets, axis=0)
    limits = np.array(held)
    share = ((limits[:, :, 0] <= means) & (means <= limits[:, :, 1])).mean(axis=0)
    assert (np.abs(share - 0.95) <= 0.035).all(), share
