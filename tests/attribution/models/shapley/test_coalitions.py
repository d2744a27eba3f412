"""The Shapley value of games with published solutions, exactly and sampled."""

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from attribution.models.shapley.coalitions import all_coalitions, exact_shapley, sampled_shapley
from cpalab.refusal import InvalidInputError

GAMES = json.loads(
    (Path(__file__).parents[3] / "reference" / "attribution" / "06_shapley_characteristic_functions.json").read_text()
)


def value_of(players, worth):
    games = [
        worth({p for p, inside in zip(players, row, strict=True) if inside}) for row in all_coalitions(len(players))
    ]
    return dict(zip(players, exact_shapley(np.array(games, dtype=float)), strict=True))


@pytest.mark.parametrize("name", ["dp6_readme", "two_player_synergy"])
def test_published_tables_of_worth(name):
    case = GAMES[name]
    table = {frozenset(members): worth for members, worth in case["v"]}
    found = value_of(list(case["shapley"]), lambda members: table.get(frozenset(members), 0))
    assert found == pytest.approx(case["shapley"], rel=1e-12)
    for player, share in case.get("published", {}).items():
        assert found[player] == pytest.approx(share)


def test_published_glove_game():
    case = GAMES["glove_game"]
    found = value_of(case["players"], lambda members: "L" in members and bool(members & {"R1", "R2"}))
    assert found == pytest.approx(case["shapley"], rel=1e-12)


def test_published_airport_game():
    need = {"A": 8, "B": 11, "C": 13, "D": 18}
    found = value_of(list(need), lambda members: max((need[m] for m in members), default=0))
    assert found == pytest.approx(GAMES["airport_runway"]["published"], rel=1e-12)


def random_game(players, seed):
    worth = np.random.default_rng(seed).normal(size=2**players)
    return worth, lambda coalitions: worth[coalitions @ (1 << np.arange(players))]


def test_exact_is_the_mean_over_all_orders_of_arrival():
    worth, of = random_game(5, seed=1)
    total = np.zeros(5)
    for order in permutations(range(5)):
        members = np.zeros(5, dtype=bool)
        for player in order:
            before = of(members)
            members[player] = True
            total[player] += of(members) - before
    assert exact_shapley(worth) == pytest.approx(total / 120, rel=1e-12)


def test_several_games_at_once():
    games = np.stack([random_game(4, seed)[0] for seed in (1, 2)], axis=1)
    assert exact_shapley(games)[:, 1] == pytest.approx(exact_shapley(games[:, 1]))


def test_sampled_hands_out_everything_and_errs_as_much_as_it_says():
    # 7 players × 40 seeds of standardised errors: their mean square is 1 with a standard deviation below
    # sqrt(2 / 40) = 0.22 even if players err together; outside 0.5 to 1.6 is a false alarm in one in 100.
    worth, of = random_game(7, seed=3)
    exact = exact_shapley(worth)
    errors = []
    for seed in range(40):
        values, error = sampled_shapley(of, 7, pairs=60, rng=np.random.default_rng(seed))
        assert values.sum() == pytest.approx(worth[-1] - worth[0])
        errors.append((values - exact) / error)
    assert 0.5 < np.mean(np.square(errors)) < 1.6


def test_an_additive_game_is_sampled_without_error():
    weight = np.arange(1.0, 31)
    values, error = sampled_shapley(lambda members: members @ weight, 30, pairs=2, rng=np.random.default_rng(0))
    assert values == pytest.approx(weight)
    assert error == pytest.approx(0, abs=1e-6)


def test_impossible_games_are_refused():
    with pytest.raises(InvalidInputError, match="players: 21 have too many coalitions; at most 20, or sample"):
        all_coalitions(21)
    with pytest.raises(InvalidInputError, match=r"worth: 3 coalitions; there must be 2\^n"):
        exact_shapley(np.zeros(3))
    with pytest.raises(InvalidInputError, match="pairs: 1 of orders give no error bar"):
        sampled_shapley(lambda members: members.sum(axis=1), 3, pairs=1, rng=np.random.default_rng(0))
