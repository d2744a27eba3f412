"""Recast's multiplicative process: bias, error rate and coverage beside GeoLift's published row.

Y = baseline·trend·season·exp(0.2·scale·ar), ρ = .3, 90 days before and 15 in the test, the treated geo the
one with the median baseline; A2 makes it five times as large, A3 has 9 controls, A4 30 days before. Published
are the form and the weekday profile; baselines, trend and scales are ours, so widths are not comparable.
"""

import numpy as np
import pytest

from experiments.lift.geo.panel import GeoExperiment, GeoPanel
from experiments.lift.geo.synthetic_control import synthetic_control
from experiments.lift.geo.tbr import time_based_regression

LIFT = 0.075
TEST_DAYS = 15
CELLS = {
    "A1": {},
    "A2": {"inflation": 5.0},
    "A3": {"controls": 9},
    "A4": {"pre_days": 30},
}


def panel(rng, autoregressive, weekday, controls=20, pre_days=90, inflation=1.0):
    """The experiment, and the incremental response that is truly in it."""
    days = pre_days + TEST_DAYS
    time = np.arange(days)
    baseline = np.exp(rng.normal(6.0, 0.4, controls + 1))
    trend = np.exp(0.002 * time)
    season = 1 + 0.1 * np.take(weekday, time % 7)
    scale = rng.uniform(0.5, 1.0, controls + 1)[:, None]
    noise = np.exp(0.2 * scale * autoregressive(rng, 0.3, (controls + 1, days)))
    response = baseline[:, None] * trend * season * noise
    treated = int(np.argsort(baseline)[(controls + 1) // 2])
    response[treated] *= inflation
    added = LIFT * response[treated, pre_days:]
    response[treated, pre_days:] += added
    is_treated = np.arange(controls + 1) == treated
    dates = np.datetime64("2026-01-05") + time
    names = tuple(f"g{k:02d}" for k in range(controls + 1))
    return GeoExperiment(GeoPanel(names, dates, response), is_treated, pre_days, TEST_DAYS), float(added.sum())


def read_out(autoregressive, weekday, cell, replications, seed):
    """Per method: coverage of 95 % and 90 % intervals, and mean bias in points of relative lift."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(replications):
        experiment, truth = panel(rng, autoregressive, weekday, **CELLS[cell])
        conformal = synthetic_control(experiment).lift
        regression = time_based_regression(experiment).lift
        low, high = regression.interval(0.95)
        counterfactual = regression.baseline + regression.difference - truth
        rows.append(
            (
                conformal.law.p_value_at(truth) >= 0.05,
                low <= truth <= high,
                100 * (conformal.difference - truth) / counterfactual,
                100 * (regression.difference - truth) / counterfactual,
            )
        )
    return np.mean(rows, axis=0), np.std(rows, axis=0) / np.sqrt(replications)


def check(reference, autoregressive, binomial_band, replications, cells, show):
    # 95 % intervals. Conformal: within .03 of .95 (few blocks; GeoLift publishes .922 to .951); the
    # regression's aggregate of unlike geos and its ρ from few days cost up to .06; both plus 3.3 standard
    # errors. The bias of the conformal estimate is
    # that of noise: 3.3 standard errors plus 0.5 points.
    published = reference("recast_dgp/expected.json")
    weekday = published["dow_profile_Mon_Sun"]
    band = binomial_band(0.95, replications)
    for seed, cell in enumerate(cells):
        (conformal, regression, bias, regression_bias), errors = read_out(
            autoregressive, weekday, cell, replications, seed
        )
        if show:
            row = published["GeoLift_alpha05_ridge_block"][cell]
            print(  # noqa: T201 (a study shows its figures)
                f"{cell}: coverage conformal {conformal:.3f}, regression {regression:.3f}, "
                f"GeoLift {row['coverage']:.3f}; bias in points {bias:.2f}, {regression_bias:.2f}, "
                f"{row['bias_pp']:.2f}"
            )
        assert conformal >= 0.95 - 0.03 - band
        assert regression >= 0.95 - 0.06 - band
        assert abs(bias) <= 0.5 + 3.3 * errors[2]


def test_intervals_hold_the_truth(reference, autoregressive, binomial_band):
    check(reference, autoregressive, binomial_band, 40, ("A1",), show=False)


def test_size_does_not_matter(reference, autoregressive):
    # GeoLift publishes a bias of 3.2 points for A2. Relative scaling gives A2 the very answer of A1; the
    # additive one, the negative control, does not.
    weekday = reference("recast_dgp/expected.json")["dow_profile_Mon_Sun"]
    same, _ = panel(np.random.default_rng(1), autoregressive, weekday)
    large, _ = panel(np.random.default_rng(1), autoregressive, weekday, inflation=5.0)
    for scaling, alike in (("relative", True), ("additive", False)):
        lifts = [synthetic_control(x, scaling=scaling).lift.relative_lift for x in (same, large)]
        assert (lifts[0] == pytest.approx(lifts[1], rel=1e-6)) == alike


@pytest.mark.study
def test_intervals_hold_the_truth_in_the_long_run(reference, autoregressive, binomial_band):
    check(reference, autoregressive, binomial_band, 1_000, tuple(CELLS), show=True)
