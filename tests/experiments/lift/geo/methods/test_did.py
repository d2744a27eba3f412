"""Difference in differences: the geo is the unit, whatever the autocorrelation of its days."""

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.welch import welch_lift
from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.panel import GeoExperiment, GeoPanel, geo_experiment


def test_it_is_welchs_test_of_the_changes(panel_of_geos):
    panel = panel_of_geos(1, treated=(0, 1, 2, 3), lift=0.1)
    test = difference_in_differences(geo_experiment(panel, panel.geos[:4], "2026-03-02", "2026-03-21"))
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
    rejected = [difference_in_differences(GeoExperiment(panel, treated, 30, 10)).p_value < 0.10 for panel in panels]
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
