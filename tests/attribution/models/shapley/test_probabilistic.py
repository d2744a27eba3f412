"""The simple probabilistic model against the paper's equations on published and made-up vectors."""

import json
from pathlib import Path

import pytest

from attribution.models.shapley.probabilistic import SimpleProbabilistic
from attribution.paths.paths import Paths

REFERENCE = Path(__file__).parents[3] / "reference" / "attribution"


def vector(name):
    return json.loads((REFERENCE / name).read_text())


def paths_of(rows):
    return Paths.from_rows(
        [r["path"] for r in rows], [r["conversions"] for r in rows], nulls=[r["nulls"] for r in rows]
    )


def by_channel(paths, numbers):
    return dict(zip(paths.channels, numbers, strict=True))


def test_probabilities_and_scores_of_the_equations():
    case = vector("10_shao_li_2011_simple_probabilistic.json")
    paths = paths_of(case["rows"])
    fitted = SimpleProbabilistic().fit(paths)
    assert by_channel(paths, fitted.scores(paths)) == pytest.approx(case["score"], rel=1e-12)
    found = {
        one if one == other else f"{one} & {other}": p for one, other, p in fitted.to_frame().itertuples(index=False)
    }
    assert found == pytest.approx(case["p"], rel=1e-12)


def test_published_scores_of_single_channels():
    case = vector("05_mta_unit_tests.json")["shao_li_single_channels"]
    paths = paths_of(case["rows"])
    fitted = SimpleProbabilistic().fit(paths)
    assert by_channel(paths, fitted.scores(paths)) == pytest.approx(case["expected_score_not_conserved"])
    assert by_channel(paths, fitted.credit(paths).conversions) == pytest.approx({"a": 3, "b": 1})


def test_credits_are_scores_scaled_to_each_path():
    paths = paths_of(vector("10_shao_li_2011_simple_probabilistic.json")["rows"])
    fitted = SimpleProbabilistic().fit(paths)
    one = Paths.from_rows(["b > a"], [2])
    p = {"a": 11 / 24, "b": 10 / 24, "ab": 9 / 14}
    score_a = p["a"] + (p["ab"] - p["a"] - p["b"]) / 2
    assert fitted.credit(one).conversions[0] == pytest.approx(2 * score_a / p["ab"])


def test_a_pair_never_seen_together_tells_nothing_about_its_gain():
    fitted = SimpleProbabilistic().fit(Paths.from_rows(["a", "b"], [3, 1], nulls=[7, 9]))
    assert fitted.credit(Paths.from_rows(["a > b"], [4])).conversions == pytest.approx([3, 1])


def test_channels_never_seen_share_equally():
    fitted = SimpleProbabilistic().fit(Paths.from_rows(["a"], [3], nulls=[7]))
    assert fitted.credit(Paths.from_rows(["x > y"], [4])).conversions == pytest.approx([2, 2])
