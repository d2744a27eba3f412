"""Shapley values of a response model: by definition, on known worlds, sampled, and their baseline."""

import numpy as np
import pytest

from attribution.models.regression.logistic import probability
from attribution.models.shapley.coalitions import all_coalitions, exact_shapley
from attribution.models.shapley.shapley_response import ShapleyIncremental, ShapleyResponse
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError

INTERCEPT, EFFECTS = -3.0, np.array([0.2, 0.9, 1.6])
NAMES = np.array(["a", "b", "c"])


def world(people=1e8):
    """Return expected counts of a world with this response: every set as often as any other."""
    sets = all_coalitions(3)[1:]
    p = probability(INTERCEPT + sets @ EFFECTS)
    return Paths.from_rows([NAMES[s].tolist() for s in sets], people * p, nulls=people * (1 - p))


def expected_shares(members, incremental):
    """Shapley values over f(all), of the response with the world's own coefficients."""
    worth = probability(INTERCEPT + all_coalitions(len(members)) @ EFFECTS[members])
    everyone = worth[-1]
    if not incremental:
        worth[0] = 0
    return exact_shapley(worth) / everyone


@pytest.mark.parametrize("model", [ShapleyResponse(), ShapleyIncremental()], ids=lambda m: m.name)
def test_shares_on_a_known_response(model):
    paths = world()
    shares = model.fit(paths).touch_shares(paths)
    for path in range(len(paths)):
        touches = slice(*paths.offsets[path : path + 2])
        expected = expected_shares(paths.codes[touches], model.incremental)
        assert shares[touches] == pytest.approx(expected, rel=1e-5)


def test_incremental_credit_and_baseline_are_what_ads_added_and_what_they_did_not():
    paths = world()
    credit = ShapleyIncremental().fit(paths).credit(paths)
    people = paths.conversions + paths.nulls
    assert credit.baseline_conversions == pytest.approx(people.sum() * probability(np.array(INTERCEPT)), rel=1e-5)
    added = paths.conversions.sum() - credit.baseline_conversions
    assert credit.conversions.sum() == pytest.approx(added)


def test_all_conversions_are_handed_out_otherwise():
    paths = world()
    credit = ShapleyResponse().fit(paths).credit(paths)
    assert credit.conversions.sum() == pytest.approx(paths.conversions.sum())
    assert credit.baseline_conversions == 0


def test_rare_and_missing_sets_are_no_trap():
    # A peer gives a set without conversions the worth 0, and the channels of {a, b} negative credit for it.
    paths = Paths.from_rows(["a", "b", "a > b"], [50, 50, 12], nulls=[950, 950, 88])
    without = Paths.from_rows(["a > b"], [12], nulls=[88])
    for fitted_on in (paths, without):
        credit = ShapleyResponse().fit(fitted_on).credit(paths)
        assert (credit.conversions > 0).all()


def test_a_channel_without_effect_adds_nothing():
    paths = Paths.from_rows(["a", "b", "a > b"], [100, 10, 100], nulls=[900, 990, 900])
    credit = ShapleyIncremental().fit(paths).credit(paths)
    assert credit.conversions[0] > 100
    # Three kinds of path fix the three parameters, and b adds nothing to a; only the weak prior is felt.
    assert abs(credit.conversions[1]) < 0.01 * credit.conversions[0]


def test_people_without_touches_show_the_baseline():
    paths = Paths.from_rows(["a", "b", ""], [4000, 4000, 1000], nulls=[96_000, 96_000, 0])
    fitted = ShapleyIncremental(untouched_nulls=99_000).fit(paths)
    assert probability(np.array(fitted.response.intercept)) == pytest.approx(0.01, rel=0.01)
    credit = fitted.credit(paths)
    assert credit.baseline_conversions == pytest.approx(2000, rel=0.01)
    assert credit.unattributed_conversions == 1000
    assert "would convert with probability 0.01" in fitted.summary()


def test_long_paths_are_sampled_within_their_error():
    # 10 channels × 20 seeds of standardised errors: outside 0.4 to 1.8 their mean square is a false alarm in
    # under one run in 100, even if the channels of a seed err together (standard deviation 0.32 at most).
    rng = np.random.default_rng(1)
    names = [f"channel {i}" for i in range(10)]
    rows = [rng.choice(names, size=rng.integers(1, 6), replace=False).tolist() for _ in range(200)]
    won = rng.integers(0, 5, 200)
    paths = Paths.from_rows([*rows, names], [*won, 9], nulls=[*rng.integers(5, 30, 200), 10])
    one = Paths.from_rows([names], [9])
    exact = ShapleyResponse().fit(paths)
    assert not exact.sampling_error(one).any()
    errors = []
    for seed in range(20):
        sampled = ShapleyResponse(exact_channels=6, pairs=50, seed=seed).fit(paths)
        found = sampled.credit(one).conversions
        assert found.sum() == pytest.approx(9)
        errors.append((found - exact.credit(one).conversions) / sampled.sampling_error(one))
    assert 0.4 < np.mean(np.square(errors)) < 1.8


def test_intervals_hold_the_error_of_sampling():
    names = [f"channel {i}" for i in range(8)]
    paths = Paths.from_rows([names, *[[name] for name in names]], [5] * 9, nulls=[50 + 9 * i for i in range(9)])
    model = ShapleyResponse(exact_channels=3, pairs=5)
    assert model.drawn(np.random.default_rng(0)).seed != model.seed
    fitted = [model.drawn(np.random.default_rng(seed)).fit(paths).credit(paths).conversions for seed in range(40)]
    told = model.fit(paths).sampling_error(paths)
    # The ratio of a mean of 40 × 8 squares to its expectation, here within a factor of 2 (error bars of 5
    # pairs err by a third each): a false alarm in under one in 1,000, and the seeds are fixed.
    assert 0.5 < (np.var(fitted, axis=0).mean() / np.mean(told**2)) < 2


def test_forty_channels_in_one_path():
    names = [f"channel {i:02}" for i in range(40)]
    paths = Paths.from_rows([names, *[[name] for name in names]], [5] + [3] * 40, nulls=[10] + [200] * 40)
    fitted = ShapleyResponse(pairs=20).fit(paths)
    assert fitted.credit(paths).conversions.sum() == pytest.approx(125)
    assert (fitted.sampling_error(paths) >= 0).all()
    assert fitted.to_frame()["channel"].tolist() == names


def test_without_nulls_there_is_nothing_to_fit():
    with pytest.raises(InvalidInputError, match="every journey converted; this model needs"):
        ShapleyResponse().fit(Paths.from_rows(["a"], [1]))


def test_limits_must_make_sense():
    with pytest.raises(InvalidInputError) as error:
        ShapleyResponse(exact_channels=50, pairs=1, untouched_nulls=-1)
    assert len(error.value.lines) == 3
