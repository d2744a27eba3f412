"""Difference in differences: the geo is the unit, whatever the autocorrelation of its days."""

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.welch import welch_lift
from experiments.lift.geo.methods.did import change_by_geos, difference_in_differences
from experiments.lift.geo.panel import GeoExperiment, GeoPanel, geo_experiment


def test_additive_scaling_is_welchs_test_of_the_changes(panel_of_geos):
    panel = panel_of_geos(1, treated=(0, 1, 2, 3), lift=0.1)
    design = geo_experiment(panel, panel.geos[:4], "2026-03-02", "2026-03-21")
    test = difference_in_differences(design, scaling="additive")
    change = panel.response[:, 60:].mean(axis=1) - panel.response[:, :60].mean(axis=1)
    plain = welch_lift(ArmStatistics.from_values(change[:4]), ArmStatistics.from_values(change[4:]))
    assert test.lift.difference == pytest.approx(4 * 20 * plain.difference)
    assert test.p_value == pytest.approx(plain.p_value())


@pytest.mark.parametrize("treated_geos", [1, 2, 3, 10])
def test_the_error_rate_holds_under_any_autocorrelation(autoregressive, binomial_band, treated_geos):
    # 2,000 seeded panels of 20 geos without effect, ρ = .8, 10 % tests; 3.3 standard errors, and a point for Welch's
    # approximation with few geos.
    rng = np.random.default_rng(2)
    replications, dates = 2_000, np.datetime64("2026-01-01") + np.arange(40)
    treated = np.arange(20) < treated_geos
    noise = autoregressive(rng, 0.8, (replications, 20, 40))
    panels = (GeoPanel(tuple(map(str, range(20))), dates, 100 + y) for y in noise)
    rejected = [change_by_geos(GeoExperiment(panel, treated, 30, 10)).distribution.tail() < 0.05 for panel in panels]
    assert np.mean(rejected) == pytest.approx(0.10, abs=binomial_band(0.10, replications) + 0.01 * (treated_geos == 3))


def test_one_or_two_treated_geos_borrow_the_error_of_all(panel_of_geos):
    panel = panel_of_geos(3)
    for treated in (panel.geos[:1], panel.geos[:2]):
        test = difference_in_differences(geo_experiment(panel, treated, "2026-03-02", "2026-03-21"))
        assert "taken to vary alike" in test.summary()
        assert test.lift.df == 18
    few = panel_of_geos(3, geos=3)
    with pytest.raises(LiftInputError, match="3 geos must be at least 4"):
        difference_in_differences(geo_experiment(few, ["g00"], "2026-03-02", "2026-03-21"))


def test_growth_is_read_in_units_of_each_geos_past(panel_of_geos):
    # 300 panels of 20 geos that all grow by 30 %, the three smallest or the largest treated, no effect: additive scaling
    # reads the growth of the controls as a loss; relative scaling keeps its 10 % (3.3 standard errors, .057).
    rng, found, panels = np.random.default_rng(11), {}, 300
    for chosen in (slice(0, 3), slice(19, 20)):
        alarms = np.zeros(2)
        for _ in range(panels):
            size = np.sort(np.exp(rng.normal(0, 1, 20)) * 200)
            growth = 1 + 0.3 * np.arange(84) / 84
            noise = np.exp(0.06 * rng.normal(size=(20, 84)) + 0.02 * rng.normal(size=(20, 1)) * (np.arange(84) >= 56))
            treated = np.isin(np.arange(20), np.arange(20)[chosen])
            days = np.datetime64("2026-01-05") + np.arange(84)
            panel = GeoPanel(tuple(f"m{k:02d}" for k in range(20)), days, size[:, None] * growth * noise)
            design = GeoExperiment(panel, treated, 56, 28)
            alarms[0] += change_by_geos(design).distribution.tail() < 0.05
            alarms[1] += change_by_geos(design, "additive").distribution.tail() < 0.05
        found[chosen.start] = alarms / panels
        assert found[chosen.start][0] <= 0.10 + 0.057
        assert found[chosen.start][1] > 0.3


def test_a_foretold_loss_below_zero_is_refused():
    # Large controls lose more than the small treated geo ever sold.
    response = np.full((6, 40), 1000.0) + np.random.default_rng(1).normal(0, 5, (6, 40))
    response[0] = 20 + np.arange(40) % 3
    response[1:, 30:] -= 400
    panel = GeoPanel(tuple("abcdef"), np.datetime64("2026-01-01") + np.arange(40), response)
    design = geo_experiment(panel, ["a"], "2026-01-31", "2026-02-09")
    with pytest.raises(LiftInputError, match="for the treated geos and must not be below zero"):
        difference_in_differences(design, scaling="additive")
    assert difference_in_differences(design).lift.baseline > 0
