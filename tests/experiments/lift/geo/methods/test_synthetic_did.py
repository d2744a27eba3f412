"""Synthetic difference in differences: the published California, weights, calibration."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.methods.synthetic_control import synthetic_control
from experiments.lift.geo.methods.synthetic_did import synthetic_did_weights, synthetic_difference_in_differences
from experiments.lift.geo.panel import geo_experiment, geo_panel

PROP99 = Path(__file__).parents[6] / "shared" / "data" / "panels" / "prop99.csv"


@pytest.fixture
def california():
    if not PROP99.exists():
        pytest.skip("the public panel prop99.csv is not here")
    table = pd.read_csv(PROP99, sep=";")
    table = table.assign(date=table["Year"].astype(str) + "-01-01")
    panel = geo_panel(table.rename(columns={"State": "geo", "PacksPerCapita": "response"}))
    return geo_experiment(panel, ["California"], "1989-01-01", "2000-01-01")


def test_california_is_as_published(california):
    # Arkhangelsky et al. (2021), table 1: -27.3, -19.6, -15.6 packs per head and year. Their solver of the synthetic control
    # stops early: the least misfit gives -19.51.
    assert california.panel.step.noun == "year"
    per_year = {
        "did": difference_in_differences(california, scaling="additive").lift.difference / 12,
        "sc": synthetic_control(california, augmentation="none", scaling="additive", intercept=False).lift.difference
        / 12,
        "sdid": synthetic_difference_in_differences(california, scaling="additive").lift.difference / 12,
    }
    assert per_year["did"] == pytest.approx(-27.3, abs=0.05)
    assert per_year["sc"] == pytest.approx(-19.6, abs=0.12)
    assert per_year["sdid"] == pytest.approx(-15.6, abs=0.05)


def test_weights_are_shares_and_find_the_geos_that_moved_alike():
    rng = np.random.default_rng(6)
    common = np.cumsum(rng.normal(size=(2, 40)), axis=1)
    controls = np.vstack([common[0] + 0.1 * rng.normal(size=(5, 40)), common[1] + 0.1 * rng.normal(size=(5, 40))])
    weights = synthetic_did_weights(controls, common[0] + 0.1 * rng.normal(size=40) + 7.0, 30, 1)
    assert weights.geos.sum() == pytest.approx(1)
    assert weights.days.sum() == pytest.approx(1)
    assert min(weights.geos.min(), weights.days.min()) >= 0
    assert weights.geos[:5].sum() > 0.9


def test_a_level_of_its_own_is_no_effect(panel_of_geos):
    panel = panel_of_geos(5, noise=0.01, lift=0.1, treated=(0, 1))
    test = synthetic_difference_in_differences(geo_experiment(panel, ["g00", "g01"], "2026-03-02", "2026-03-21"))
    assert test.lift.relative_lift == pytest.approx(0.1, abs=0.02)
    assert test.lift.verdict(0.95) == 1


def test_its_errors_hold(panel_of_geos):
    # 150 panels of 12 geos without effect, 10 % tests, 3.3 standard errors (.081).
    found = []
    for seed in range(150):
        panel = panel_of_geos(seed, geos=12, days=30, rho=0.3)
        design = geo_experiment(panel, ["g00"], "2026-01-23", "2026-01-30")
        found.append(synthetic_difference_in_differences(design, (0.9,)).p_value < 0.10)
    assert np.mean(found) == pytest.approx(0.10, abs=0.081)


def test_too_few_controls_are_refused(panel_of_geos):
    panel = panel_of_geos(1, geos=9)
    with pytest.raises(LiftInputError, match="3 geos must be at least 7"):
        synthetic_difference_in_differences(geo_experiment(panel, panel.geos[:6], "2026-03-02", "2026-03-21"))
