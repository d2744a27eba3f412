"""Markov removal effects, against published vectors and chains solved in another way."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from attribution.models.markov import markov_chain
from attribution.models.markov.markov import Markov
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError

REFERENCE = Path(__file__).parents[3] / "reference" / "attribution"


def vector(name):
    return json.loads((REFERENCE / name).read_text())


def paths_of(rows):
    return Paths.from_rows(
        [row["path"] for row in rows],
        [row["conversions"] for row in rows],
        nulls=[row["nulls"] for row in rows],
    )


def by_channel(names, numbers):
    return dict(zip(names, numbers, strict=True))


def transitions(fitted, **how):
    return {(a, b): p for a, b, p in fitted.transitions(**how).itertuples(index=False)}


def expected_transitions(rows):
    return (
        {(r["from"], r["to"]): r["p"] for r in rows} if isinstance(rows[0], dict) else {(a, b): p for a, b, p in rows}
    )


@pytest.mark.parametrize(
    ("rows", "exact", "how"),
    [
        (vector(f)["rows"], vector(f)[key], {"self_loops": loops})
        for f, key, loops in (
            ("01_classic_three_paths_markov.json", "exact", True),
            ("02_pychattr_readme.json", "exact_no_self_loops", False),
            ("02_pychattr_readme.json", "exact_with_self_loops", True),
        )
    ],
)
def test_published_chains(rows, exact, how):
    paths = paths_of(rows)
    fitted = Markov().fit(paths)
    assert by_channel(paths.channels, fitted.removal_effect) == pytest.approx(exact["removal_effect"], rel=1e-12)
    found = by_channel(paths.channels, fitted.credit(paths).conversions)
    assert found == pytest.approx(exact["conversions"], rel=1e-12)
    assert transitions(fitted, **how) == pytest.approx(expected_transitions(exact["transition"]), rel=1e-12)


def test_published_transition_matrix():
    case = vector("05_mta_unit_tests.json")["transition_matrix"]
    fitted = Markov().fit(paths_of(case["rows"]))
    assert transitions(fitted) == pytest.approx(expected_transitions(case["expected"]))


def test_published_probability_of_conversion():
    case = vector("01_classic_three_paths_markov.json")
    paths, published = paths_of(case["rows"]), case["published"]
    fitted = Markov().fit(paths)
    assert fitted.conversion_probability == pytest.approx(published["p_conversion"])
    without_c1 = fitted.chain.outcome_without()[1][paths.channels.index("C1"), 0]
    assert without_c1 == pytest.approx(published["p_without_C1"])
    assert by_channel(paths.channels, fitted.removal_effect) == pytest.approx(published["removal_effect"])
    assert by_channel(paths.channels, fitted.credit(paths).conversions) == pytest.approx(published["conversions"])
    assert "without C2, 100.0% of conversions would be lost" in fitted.summary()


def test_published_random_walks_come_near():
    case = vector("02_pychattr_readme.json")
    paths, published = paths_of(case["rows"]), case["published_monte_carlo"]
    fitted = Markov().fit(paths)
    # 10,000 walks: a probability of a half has a standard error of 0.005; four of them.
    assert by_channel(paths.channels, fitted.removal_effect) == pytest.approx(published["removal_effect"], abs=0.02)
    found = by_channel(paths.channels, fitted.credit(paths).conversions)
    assert found == pytest.approx(published["conversions"], abs=0.02)
    chain = expected_transitions(published["transition_no_self_loops"])
    assert transitions(fitted, self_loops=False) == pytest.approx(chain)


def random_rows(seed, channels=5, rows=60):
    rng = np.random.default_rng(seed)
    names = [f"channel {i}" for i in range(channels)]
    return [
        {
            "path": rng.choice(names, size=rng.integers(1, 7)).tolist(),
            "conversions": int(rng.integers(0, 4)),
            "nulls": int(rng.integers(0, 9)),
            "value_micros": 0,
        }
        for _ in range(rows)
    ]


def walk_probability(rows, order, removed="nobody", steps=20_000):
    """P(conversion) by carrying the start forward step by step through a dictionary of padded histories."""
    count: dict[tuple, dict[tuple | str, float]] = {}
    for row in rows:
        histories = [(None,) * order]
        for name in row["path"]:
            histories.append((*histories[-1][1:], name))
        for weight, outcome in ((row["conversions"], "conversion"), (row["nulls"], "null")):
            for here, there in pairwise([*histories, outcome]):
                count.setdefault(here, {}).setdefault(there, 0.0)
                count[here][there] += weight
    mass, converted = {(None,) * order: 1.0}, 0.0
    for _ in range(steps):
        following: dict[tuple, float] = {}
        for here, probability in mass.items():
            total = sum(count[here].values())
            for there, weight in count[here].items():
                flow = probability * weight / total if total else 0.0
                if there == "conversion":
                    converted += flow
                elif there != "null" and removed not in there and flow > 0:
                    following[there] = following.get(there, 0.0) + flow
        mass = following
        if sum(mass.values()) < 1e-15:
            break
    return converted


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("states", ["dense", "sparse", "factorised"])
def test_removal_effect_is_one_minus_p_without_over_p_with(order, seed, states, monkeypatch):
    if states != "dense":
        monkeypatch.setattr(markov_chain, "DENSE_STATES", 0)
        monkeypatch.setattr(markov_chain, "TABLE_ENTRIES", 0)
    if states == "factorised":
        monkeypatch.setattr(markov_chain, "STEPS", 1)
    rows = random_rows(seed)
    paths = paths_of(rows)
    fitted = Markov(order=order).fit(paths)
    p_with = walk_probability(rows, order)
    expected = [1 - walk_probability(rows, order, channel) / p_with for channel in paths.channels]
    assert fitted.conversion_probability == pytest.approx(p_with, rel=1e-12)
    assert fitted.removal_effect == pytest.approx(expected, rel=1e-9)


def test_a_chain_that_hardly_ever_ends_is_solved_as_exactly(monkeypatch):
    # One path of 100,000 touches: the chain goes back and forth and ends with probability 2 in 100,000.
    paths = Paths.from_rows([["a", "b"] * 50_000, ["a", "c"], ["c"]], [1, 1, 0], nulls=[0, 1, 5])
    dense = Markov().fit(paths).removal_effect
    monkeypatch.setattr(markov_chain, "DENSE_STATES", 0)
    assert Markov().fit(paths).removal_effect == pytest.approx(dense, rel=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_the_chain_converts_as_often_as_the_data(order):
    paths = paths_of(random_rows(7))
    rate = paths.conversions.sum() / (paths.conversions.sum() + paths.nulls.sum())
    assert Markov(order=order).fit(paths).conversion_probability == pytest.approx(rate, rel=1e-12)


def test_value_is_lost_by_its_own_chain():
    # Both channels lose half of the conversions, but those of `a` are worth three times as much.
    paths = Paths.from_rows(["a", "b"], [1, 1], value_micros=[3, 1], nulls=[1, 1])
    fitted = Markov().fit(paths)
    assert fitted.removal_effect.tolist() == pytest.approx([0.5, 0.5])
    assert fitted.removal_effect_on_value.tolist() == pytest.approx([0.75, 0.25])
    assert fitted.credit(paths).value_micros.tolist() == pytest.approx([3, 1])
    assert fitted.to_frame()["removal_effect_on_value"].tolist() == pytest.approx([0.75, 0.25])


def test_without_nulls_the_chain_always_converts():
    assert Markov().fit(Paths.from_rows(["a > b", "b"], [1, 3])).conversion_probability == pytest.approx(1)


def test_a_channel_in_no_converting_walk_gets_exactly_nothing():
    paths = Paths.from_rows(["a", "b"], [5, 0], nulls=[5, 7])
    assert Markov().fit(paths).credit(paths).conversions.tolist() == [5, 0]


def test_names_may_hold_digits_and_the_separator():
    paths = Paths.from_rows([["1", "12 > 3"], ["12"]], [1, 1])
    assert Markov().fit(paths).credit(paths).conversions.sum() == pytest.approx(2)


def test_the_order_must_make_sense():
    with pytest.raises(InvalidInputError, match="order: 0 must be at least 1"):
        Markov(order=0)
    with pytest.raises(InvalidInputError, match="order: 62 with 2 channels has too many states"):
        Markov(order=62).fit(Paths.from_rows(["a > b"], [1]))


def test_crediting_channels_never_seen_to_convert_is_refused():
    fitted = Markov().fit(Paths.from_rows(["a"], [1]))
    with pytest.raises(InvalidInputError, match="no channel with conversions was seen when fitting"):
        fitted.credit(Paths.from_rows(["b"], [1]))


def test_the_name_tells_the_order():
    assert (Markov().name, Markov(order=3).name) == ("markov", "markov_3")
