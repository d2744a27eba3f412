"""Bagged logistic regression: all subsets against a definition, sampling, and collinear channels."""

from itertools import combinations

import numpy as np
import pytest

from attribution.models.regression.bagged_logistic import BaggedLogistic
from attribution.models.regression.logistic import Logistic
from attribution.models.shapley.channel_sets import ChannelSets
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError


def world(seed=0, channels=4, rows=150):
    rng = np.random.default_rng(seed)
    names = [f"c{i}" for i in range(channels)]
    paths = [rng.choice(names, size=rng.integers(1, channels + 1), replace=False).tolist() for _ in range(rows)]
    odds = np.array([-2 + 0.5 * sum(int(name[1:]) for name in path) for path in paths])
    won = rng.binomial(20, 1 / (1 + np.exp(-odds)))
    return Paths.from_rows(paths, won, nulls=20 - won)


def test_effects_average_the_regressions_on_every_half_of_the_channels():
    paths = world()
    sets = ChannelSets.of_paths(paths)
    effects: dict[int, list[float]] = {}
    for subset in combinations(range(4), 2):
        columns = sets.members[:, subset].astype(float)
        for channel, effect in zip(subset, Logistic.fit(columns, sets.conversions, sets.nulls).effects, strict=True):
            effects.setdefault(channel, []).append(effect)
    fitted = BaggedLogistic().fit(paths)
    assert fitted.log_odds == pytest.approx([np.mean(effects[c]) for c in range(4)], rel=1e-9)
    assert fitted.spread == pytest.approx([np.std(effects[c]) for c in range(4)], rel=1e-9)


def test_stronger_channels_get_more_and_harmful_ones_nothing():
    rows = ["a", "b", "a > b", "a > c", "b > c"]
    paths = Paths.from_rows(rows, [30, 20, 50, 15, 10], nulls=[70, 80, 50, 85, 90])
    fitted = BaggedLogistic(channel_share=1).fit(paths)
    assert fitted.to_frame()["cut_off"].tolist() == [False, False, True]
    assert fitted.log_odds[0] > fitted.log_odds[1]
    assert fitted.credit(Paths.from_rows(["a > c"], [10])).conversions.tolist() == [10, 0]


def test_random_halves_of_people_and_channels_agree_with_all_of_them():
    # 400 regressions on random halves: their mean effect has a standard error of about spread / sqrt(200);
    # five of them are a false alarm in under one in 10^5 (and the seed is fixed).
    paths = world(rows=600)
    every = BaggedLogistic().fit(paths)
    drawn = BaggedLogistic(people_share=0.5, models=400, seed=1).fit(paths)
    assert (np.abs(drawn.log_odds - every.log_odds) < 5 * drawn.spread / np.sqrt(200)).all()
    assert (drawn.spread > every.spread).any()


def test_many_channels_are_sampled_the_same_way_every_time():
    paths = world(channels=14)
    model = BaggedLogistic(models=40)
    assert np.array_equal(model.fit(paths).log_odds, model.fit(paths).log_odds)
    assert not np.array_equal(model.fit(paths).log_odds, BaggedLogistic(models=40, seed=1).fit(paths).log_odds)


def test_channels_that_always_come_together_get_the_same():
    paths = Paths.from_rows(["a > b", "c", "a > b > c"], [30, 10, 40], nulls=[70, 90, 60])
    fitted = BaggedLogistic().fit(paths)
    assert fitted.log_odds[0] == pytest.approx(fitted.log_odds[1])


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(InvalidInputError, match="every journey converted"):
        BaggedLogistic().fit(Paths.from_rows(["a"], [1]))
    with pytest.raises(InvalidInputError) as error:
        BaggedLogistic(channel_share=0, people_share=2, models=0)
    assert len(error.value.lines) == 3
