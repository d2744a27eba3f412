"""Divisions of the geos: pairs of like size, strata, and constrained draws that balance better."""

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.geo.methods.trimmed_match import trimmed_match_test
from experiments.lift.geo.panel import GeoPanel, geo_experiment
from experiments.lift.geo.planning.assignment import (
    constrained_assignment,
    draw_assignment,
    given_assignment,
    matched_pairs,
    paired_assignment,
    stratified_assignment,
)


def test_pairs_are_neighbours_in_size(panel_of_geos):
    panel = panel_of_geos(1, geos=9)
    size = dict(zip(panel.geos, panel.response.sum(axis=1), strict=True))
    pairs = matched_pairs(panel)
    assert len(pairs) == 4
    flat = [size[geo] for pair in pairs for geo in pair]
    assert flat == sorted(flat, reverse=True)


def test_one_geo_of_every_pair_is_treated(panel_of_geos):
    panel = panel_of_geos(2)
    drawn = paired_assignment(panel, np.random.default_rng(1))
    assert all((a in drawn.treated) != (b in drawn.treated) for a, b in drawn.pairs)
    assert set(drawn.treated) | set(drawn.control) == set(panel.geos)
    assert drawn == paired_assignment(panel, np.random.default_rng(1))
    assert sorted(drawn.to_frame().columns) == ["arm", "geo", "pair"]
    experiment = geo_experiment(panel, drawn.treated, "2026-03-02", "2026-03-21")
    with pytest.raises(LiftInputError, match="nothing was tested"):
        trimmed_match_test(experiment, drawn.pairs)


def test_every_stratum_is_shared(panel_of_geos):
    panel = panel_of_geos(3)
    order = np.argsort(-panel.response.sum(axis=1))
    drawn = stratified_assignment(panel, np.random.default_rng(2), strata=5, treated_share=0.25)
    for group in np.array_split(order, 5):
        assert sum(panel.geos[k] in drawn.treated for k in group) == 1


def test_every_geo_is_as_likely_to_be_treated(panel_of_geos):
    # 2,000 seeded draws of 10 geos with a share of .3: fractions of a geo are rounded at random. 4.5
    # standard errors, for ten geos.
    panel = panel_of_geos(4, geos=10)
    rng = np.random.default_rng(3)
    hits = np.zeros(10)
    for _ in range(2_000):
        drawn = stratified_assignment(panel, rng, strata=3, treated_share=0.3)
        hits += [geo in drawn.treated for geo in panel.geos]
    np.testing.assert_allclose(hits / 2_000, 0.3, atol=4.5 * np.sqrt(0.3 * 0.7 / 2_000) + 0.01)


def test_constrained_draws_predict_better(panel_of_geos):
    panel = panel_of_geos(5, rho=0.5)
    rng = np.random.default_rng(4)
    plain = [constrained_assignment(panel, rng, draws=1, kept_share=1.0).correlation for _ in range(40)]
    chosen = [constrained_assignment(panel, rng, draws=200).correlation for _ in range(10)]
    assert np.mean(chosen) > np.mean(plain)
    assert min(chosen) > np.median(plain)
    assert "correlation with the control" in constrained_assignment(panel, rng, draws=5).summary()


def test_bad_requests_are_refused(panel_of_geos):
    panel, rng = panel_of_geos(6), np.random.default_rng(5)
    with pytest.raises(LiftInputError, match="at least 4"):
        paired_assignment(panel_of_geos(6, geos=3), rng)
    with pytest.raises(LiftInputError, match="treated_share"):
        stratified_assignment(panel, rng, treated_share=1.0)
    with pytest.raises(LiftInputError, match="strata"):
        stratified_assignment(panel, rng, strata=11)
    with pytest.raises(LiftInputError, match="draws") as refusal:
        constrained_assignment(panel, rng, draws=0, kept_share=2.0)
    assert len(refusal.value.lines) == 2


def test_a_panel_without_variation_has_no_correlation():
    panel = GeoPanel(("a", "b", "c", "d"), np.datetime64("2026-01-01") + np.arange(9), np.ones((4, 9)))
    assert np.isnan(paired_assignment(panel, np.random.default_rng(1)).correlation)


def test_a_division_is_drawn_by_the_name_of_its_method(panel_of_geos):
    panel = panel_of_geos(6)
    for method, plain in (
        ("matched_pairs", paired_assignment),
        ("stratified", stratified_assignment),
        ("constrained", constrained_assignment),
    ):
        assert draw_assignment(panel, method, np.random.default_rng(1)) == plain(panel, np.random.default_rng(1))


def test_named_geos_are_a_division_too(panel_of_geos):
    panel = panel_of_geos(6)
    named = given_assignment(panel, ["g03", "g00"])
    assert (named.treated, named.method) == (("g00", "g03"), "given")
    assert set(named.control) == set(panel.geos) - {"g00", "g03"}
    assert named.treated_share == pytest.approx(panel.response[[0, 3]].sum() / panel.response.sum())
