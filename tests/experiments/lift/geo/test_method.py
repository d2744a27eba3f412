"""Geo methods are frozen objects, found by name, with parameters, or as one's own code."""

import dataclasses

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.geo.method import BUILT_IN, GEO_METHODS, find_geo_method, needs_pairs, with_pairs
from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.methods.structural import structural_time_series
from experiments.lift.geo.methods.synthetic_control import synthetic_control
from experiments.lift.geo.methods.tbr import TimeBasedRegression, time_based_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel


@pytest.fixture(scope="module")
def experiment():
    """Eight geos, 42 days, the last ten a test of the first four."""
    rng = np.random.default_rng(7)
    response = rng.poisson(200, (8, 42)).astype(float) * np.arange(1, 9)[:, None]
    panel = GeoPanel(tuple("abcdefgh"), np.arange(42).astype("datetime64[D]"), response)
    return GeoExperiment(panel, np.arange(8) < 4, 32, 10)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_name_loads_a_frozen_object_of_that_name(name):
    method = find_geo_method(name)
    assert method.name == name
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.name = "another"
    assert find_geo_method(type(method)) == find_geo_method(method) == method


@pytest.mark.parametrize(
    ("written", "function"),
    [
        ("did", difference_in_differences),
        ("tbr", time_based_regression),
        ("tbr(errors='block_conformal')", lambda e, x: time_based_regression(e, x, errors="block_conformal")),
        ("augmented_synthetic_control", synthetic_control),
        ("synthetic_control(scaling='additive')",
         lambda e, x: synthetic_control(e, x, augmentation="none", scaling="additive")),
        ("structural(season_days=7)", lambda e, x: structural_time_series(e, x, season_days=7)),
    ],
)  # fmt: skip
def test_an_object_reads_what_its_function_reads(experiment, written, function):
    assert find_geo_method(written).read(experiment, (0.8,)).summary() == function(experiment, (0.8,)).summary()


def test_pairs_of_the_design_are_given_to_methods_that_compare_pairs(experiment):
    pairs = [("a", "e"), ("b", "f"), ("c", "g"), ("d", "h")]
    method = find_geo_method("trimmed_match")
    assert needs_pairs(method)
    with pytest.raises(LiftInputError, match="pairs: nothing given"):
        method.read(experiment)
    told = with_pairs(method, pairs)
    assert not needs_pairs(told)
    assert told.read(experiment).treated_geos == 4
    assert with_pairs(told, [("x", "y")]) == told, "pairs that were named stay"
    assert with_pairs(TimeBasedRegression(), pairs) == TimeBasedRegression()


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("tbrr", "method: 'tbrr' is unknown; did you mean tbr?"),
        (
            "tbr(errors='normal')",
            "tbr.errors: 'normal' must be one of calibrated, autoregressive, independent, block_conformal",
        ),
        ("structural(season_days=7.5)", "structural.season_days: 7.5 must be a whole number or None"),
        ("trimmed_match(pairs='ab')", "trimmed_match.pairs: 'ab' must be a list, each (text, text)"),
        ("did(season_days=7)", "did.season_days: is not a parameter of this geo method"),
        ("os:path", "is no geo method: it has no `name` and `read(experiment, levels)`"),
    ],
)
def test_what_is_no_method_is_refused_in_words(written, problem):
    with pytest.raises(LiftInputError) as refusal:
        find_geo_method(written)
    assert problem in str(refusal.value)


def test_the_list_shows_every_method_with_its_defaults_and_what_it_computes():
    lines = dict(GEO_METHODS.lines())
    assert len(lines) == len(BUILT_IN)
    assert lines["tbr(errors='calibrated')"].startswith("Time-based regression")
