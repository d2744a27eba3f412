"""The two games whose coalitions are worth what journeys of exactly these channels did."""

import json
from pathlib import Path

import numpy as np
import pytest

from attribution import Paths, load_model
from cpalab.refusal import InvalidInputError

VECTORS = (
    Path(__file__).parents[5] / "shared" / "reference" / "attribution" / "06_shapley_characteristic_functions.json"
)


def credit_of(name, paths):
    credit = load_model(name).fit(paths).credit(paths)
    return dict(zip(credit.channels, credit.conversions, strict=True))


def test_conversions_of_exact_sets_give_the_game_that_dp6_documents():
    """The grand coalition's share of the game in DP6's README: 7 2/3, 8 1/6, 3 1/6 of 19."""
    if not VECTORS.exists():
        pytest.skip(f"{VECTORS} is not here")
    game = json.loads(VECTORS.read_text(encoding="utf-8"))["dp6_readme"]
    rows = {" > ".join(names): worth for names, worth in game["v"]}
    paths = Paths.from_rows(list(rows), list(rows.values()))
    model = load_model("shapley_exact_conversions").fit(paths)
    whole = max(rows, key=len)
    shares = model.touch_shares(Paths.from_rows([whole], [1]))
    found = dict(zip(whole.split(" > "), 19 * shares, strict=True))
    assert found == pytest.approx(game["shapley"])


def test_rates_by_hand():
    """v(a) = 1/2, v(b) = 1/4, v(ab) = 1/2: φ_a = 3/8, φ_b = 1/8, so a has 3/4 of the conversions of {a, b}."""
    paths = Paths.from_rows(["a", "b", "a > b"], [1, 1, 4], nulls=[1, 3, 4])
    assert credit_of("shapley_exact_rate", paths) == pytest.approx({"a": 1 + 3, "b": 1 + 1})


def test_a_channel_beside_which_less_converts_gets_less_than_nothing():
    paths = Paths.from_rows(["search", "search > display"], [5, 2], nulls=[95, 98])
    assert credit_of("shapley_exact_rate", paths)["display"] < 0
    assert credit_of("shapley", paths)["display"] > 0


@pytest.mark.parametrize("name", ["shapley_exact_rate", "shapley_exact_conversions"])
def test_shares_of_every_set_sum_to_one(name):
    rng = np.random.default_rng(1)
    rows = [" > ".join(rng.choice(list("abcd"), size=rng.integers(1, 5), replace=False)) for _ in range(30)]
    paths = Paths.from_rows(rows, rng.integers(1, 9, 30), nulls=rng.integers(0, 50, 30))
    assert sum(credit_of(name, paths).values()) == pytest.approx(paths.total_conversions)


def test_journeys_of_too_many_channels_are_refused():
    with pytest.raises(InvalidInputError, match="at most 14"):
        load_model("shapley_exact_rate").fit(Paths.from_rows([" > ".join("abcdefghijklmno")], [1]))
