"""Every geo method on every odd panel: a clear refusal, or p-value, intervals and price that agree."""

import math

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.methods.gbr import geo_based_regression
from experiments.lift.geo.methods.structural import structural_time_series
from experiments.lift.geo.methods.synthetic_control import synthetic_control
from experiments.lift.geo.methods.tbr import time_based_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel, geo_experiment

METHODS = {
    "tbr_independent": lambda x: time_based_regression(x, errors="independent"),
    "tbr_autoregressive": time_based_regression,
    "tbr_block_conformal": lambda x: time_based_regression(x, errors="block_conformal"),
    "gbr": geo_based_regression,
    "did": difference_in_differences,
    "structural": structural_time_series,
    "synthetic": lambda x: synthetic_control(x, augmentation="none"),
    "augmented": synthetic_control,
    "additive": lambda x: synthetic_control(x, scaling="additive"),
    "placebo": lambda x: synthetic_control(x, inference="placebo"),
}
DAYS, TEST_DAYS = 30, 5


def odd_panels():
    """Name → response and cost of shape `(geos, days)`."""
    rng = np.random.default_rng(1)
    for geos in (2, 3, 7):
        plain = rng.normal(100.0, 10.0, (geos, DAYS))
        spent = np.zeros_like(plain)
        spent[0, -TEST_DAYS:] = 3.0
        dark = np.full_like(plain, 5.0)
        dark[0, -TEST_DAYS:] = 0.0
        alike = np.outer(np.arange(1, geos + 1), rng.normal(100.0, 5.0, DAYS))
        lifted = alike.copy()
        lifted[0, -TEST_DAYS:] *= 2
        odd = {
            "plain": (plain, spent),
            "go dark": (plain, dark),
            "cost everywhere": (plain, rng.uniform(1.0, 2.0, plain.shape) + spent),
            "no spend": (plain, np.zeros_like(plain)),
            "no cost": (plain, None),
            "nothing sold": (np.zeros_like(plain), spent),
            "always the same": (np.full_like(plain, 7.0), spent),
            "refunds": (plain - 150.0, spent),
            "rare sales": (rng.poisson(0.2, plain.shape).astype(float), spent),
            "perfectly alike": (alike, spent),
            "perfectly alike and lifted": (lifted, spent),
            "trillions": (1e12 * plain, spent),
            "billionths": (1e-9 * plain, spent),
        }
        for name, panel in odd.items():
            yield f"{name}, {geos} geos", panel


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("error")
def test_an_answer_agrees_with_itself_or_is_refused(method):
    answered, refused = 0, []
    for name, (response, cost) in odd_panels():
        geos = tuple(f"g{k}" for k in range(len(response)))
        panel = GeoPanel(geos, np.datetime64("2026-01-01") + np.arange(DAYS), response, cost)
        # Built without the refusal of negative conversions: methods must agree with themselves on refunds too.
        experiment = GeoExperiment(panel, np.arange(len(geos)) == 0, DAYS - TEST_DAYS, TEST_DAYS)
        try:
            test = METHODS[method](experiment)
        except LiftInputError as refusal:
            refused += refusal.lines
            continue
        answered += 1
        frame = test.to_frame()
        assert test.summary()
        for level, significant in zip(test.levels, frame["significant"], strict=True):
            lower, upper = test.lift.interval(level)
            assert significant == (test.p_value < significance(level)) == (not lower <= 0 <= upper), name
            if cost is not None:
                price = test.cost_per_incremental_conversion(level)
                assert price.bounded == significant, name
                assert 0 <= price.lower <= price.upper or (test.cost == 0 and math.isnan(price.lower)), name
                assert math.isnan(price.point) or price.point >= 0, name
    assert answered >= 8
    assert all(";" in problem for problem in refused)


@pytest.mark.parametrize(("read", "with_cost"), [(time_based_regression, True), (geo_based_regression, False)])
def test_the_unit_of_the_response_does_not_matter(panel_of_geos, read, with_cost):
    panel = panel_of_geos(10)
    cost = panel.cost if with_cost else None
    first, second = (
        read(
            geo_experiment(
                GeoPanel(panel.geos, panel.dates, unit * panel.response, cost), ["g00"], "2026-03-02", "2026-03-21"
            )
        )
        for unit in (1.0, 1e15)
    )
    assert second.lift.difference == pytest.approx(1e15 * first.lift.difference)
    assert second.p_value == pytest.approx(first.p_value)
