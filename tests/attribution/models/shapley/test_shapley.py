"""The Shapley value on counts: published vectors, and Zhao's identity in exact fractions."""

import json
from fractions import Fraction
from itertools import combinations
from math import factorial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.models.rules.rules import LinearPerChannel
from attribution.models.shapley.shapley import Shapley
from attribution.paths.paths import Paths

REFERENCE = Path(__file__).parents[3] / "reference" / "attribution"


def vector(name):
    return json.loads((REFERENCE / name).read_text())


def credit(rows, conversions):
    paths = Paths.from_rows(rows, conversions)
    found = Shapley().fit(paths).credit(paths)
    return dict(zip(found.channels, found.conversions, strict=True))


def test_published_simplified_method():
    case = vector("07_zhao2018_simplified_and_ordered_shapley.json")
    found = credit([r["path"] for r in case["rows"]], [r["conversions"] for r in case["rows"]])
    assert found == pytest.approx(case["shapley"], rel=1e-12)


def test_published_ordered_method():
    case = vector("07_zhao2018_simplified_and_ordered_shapley.json")
    paths = Paths.from_rows(
        [r["path"] for r in case["rows"]],
        [r["conversions"] for r in case["rows"]],
        value_micros=[2_000_000 * r["conversions"] for r in case["rows"]],
    )
    frame = Shapley().by_position(paths)
    found: dict[str, dict[str, float]] = {}
    for channel, position, conversions, value in frame.itertuples(index=False):
        found.setdefault(channel, {})[str(position)] = conversions
        assert value == pytest.approx(2 * conversions)
    assert {c: pytest.approx(by, rel=1e-12) for c, by in case["ordered_by_position"].items()} == found


@pytest.mark.parametrize("case", vector("05_mta_unit_tests.json")["shapley_conversions"])
def test_published_conversions_by_set(case):
    found = credit([names for names, _ in case["rows"]], [n for _, n in case["rows"]])
    assert found == pytest.approx(case["expected"])


def shapley_by_definition(conversions):
    """φ of v(S) = Σ over T inside S of R(T), as a sum over every coalition, in fractions."""
    channels = sorted(set().union(*conversions))
    n = len(channels)

    def worth(coalition):
        return sum(count for names, count in conversions.items() if names <= coalition)

    value = dict.fromkeys(channels, Fraction(0))
    for channel in channels:
        others = [c for c in channels if c != channel]
        for size in range(n):
            for rest in combinations(others, size):
                gain = worth({*rest, channel}) - worth(set(rest))
                value[channel] += Fraction(factorial(size) * factorial(n - size - 1), factorial(n)) * gain
    return value


sets = st.frozensets(st.sampled_from("abcdef"), min_size=1)


@given(st.dictionaries(sets, st.integers(1, 1000), min_size=1, max_size=12))
def test_zhaos_identity_is_exact(conversions):
    by_definition = shapley_by_definition(conversions)
    closed = {
        channel: sum(Fraction(n, len(names)) for names, n in conversions.items() if channel in names)
        for channel in by_definition
    }
    assert closed == by_definition
    found = credit([sorted(names) for names in conversions], list(conversions.values()))
    assert found == pytest.approx({channel: float(v) for channel, v in closed.items()}, rel=1e-12)


def test_more_channels_than_anyone_can_enumerate():
    names = [f"channel {i}" for i in range(200)]
    assert credit([names], [200]) == pytest.approx(dict.fromkeys(names, 1))


def test_it_is_linear_per_channel():
    paths = Paths.from_rows(["a > b > a", "c"], [3, 1])
    assert Shapley().touch_shares(paths).tolist() == LinearPerChannel().touch_shares(paths).tolist()
