"""Recast's multiplicative process: bias, error rate, power, coverage and width beside GeoLift's published row.

Y = baseline·trend·season·exp(0.2·scale·ar), ρ = .3, 90 days before and 15 in the test, the treated geo the
one with the median baseline; A2 makes it five times as large, A3 has 9 controls, A4 30 days before. Published
are the form and the weekday profile; baselines, trend and scales are ours, so widths compare between cells only.
`make study` runs 1,000 panels per cell and writes docs/geo-published.md; a short version runs in `make test`.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.geo.methods.synthetic_control import synthetic_control
from experiments.lift.geo.methods.tbr import time_based_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel

PAGE = Path(__file__).parents[4] / "docs" / "geo-published.md"
LEVEL = 0.95
LIFT = 0.075
TEST_DAYS = 15
CELLS = {
    "A1": {},
    "A2": {"inflation": 5.0},
    "A3": {"controls": 9},
    "A4": {"pre_days": 30},
}


def panel(rng, autoregressive, weekday, controls=20, pre_days=90, inflation=1.0, lift=LIFT):
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
    added = lift * response[treated, pre_days:]
    response[treated, pre_days:] += added
    is_treated = np.arange(controls + 1) == treated
    dates = np.datetime64("2026-01-05") + time
    names = tuple(f"g{k:02d}" for k in range(controls + 1))
    return GeoExperiment(GeoPanel(names, dates, response), is_treated, pre_days, TEST_DAYS), float(added.sum())


METHODS = {
    "synthetic control, blocks": synthetic_control,
    "regression, autoregressive": time_based_regression,
    "regression, independent": lambda experiment: time_based_regression(experiment, errors="independent"),
}


@dataclass(frozen=True)
class Row:
    """What one method did in one cell, under the names of the published columns; shares, points of lift, responses."""

    bias_pp: float
    bias_standard_error: float
    fpr: float
    power: float
    coverage: float
    coverage_null: float
    ci_width: float


def read_out(autoregressive, weekday, cell, replications, seed, methods=METHODS):
    """A `Row` per method, from the same panels with and without the lift; 95 % tests."""
    rng = np.random.default_rng(seed)
    rows = {name: [] for name in methods}
    for draw in rng.spawn(replications):
        # One state of the generator, two panels that differ in the lift.
        state = draw.bit_generator.state
        pair = []
        for lift in (0.0, LIFT):
            draw.bit_generator.state = state
            pair.append(panel(draw, autoregressive, weekday, **CELLS[cell], lift=lift))
        for name, analyse in methods.items():
            (null, _), (found, truth) = ((analyse(experiment).lift, truth) for experiment, truth in pair)
            counterfactual = found.baseline + found.difference - truth
            low, high = found.interval(LEVEL)
            null_low, null_high = null.interval(LEVEL)
            for lift, lower, upper in ((null, null_low, null_high), (found, low, high)):
                assert (lift.p_value() < significance(LEVEL)) == (not lower <= 0 <= upper)
            rows[name].append(
                (
                    100 * (found.difference - truth) / counterfactual,
                    null.p_value() < significance(LEVEL),
                    found.verdict(LEVEL) == 1,
                    low <= truth <= high,
                    null_low <= 0 <= null_high,
                    high - low,
                )
            )
    shown = {}
    for name, found in rows.items():
        bias, fpr, power, coverage, coverage_null, _ = np.mean(found, axis=0).tolist()
        bias_pp, width = np.std(np.array(found)[:, 0]), np.median(np.array(found)[:, 5])
        error = float(bias_pp) / math.sqrt(replications)
        shown[name] = Row(bias, error, fpr, power, coverage, coverage_null, float(width))
    return shown


def check(found, binomial_band, replications):
    # 95 %, each share plus 3.3 standard errors: a false alarm in a thousand per number. Conformal: within .03 of the level
    # (few blocks; GeoLift publishes .922 to .951); the regression's aggregate of unlike geos and its ρ from few days cost up
    # to .06. The bias of the conformal estimate is that of noise: 3.3 standard errors and 0.5 points.
    band = binomial_band(LEVEL, replications)
    for cell, rows in found.items():
        conformal, regression, independent = rows.values()
        for row, room in ((conformal, 0.03), (regression, 0.06)):
            assert row.coverage >= LEVEL - room - band, (cell, row)
            assert row.coverage_null == pytest.approx(1 - row.fpr), (cell, row)
            assert row.fpr <= 1 - LEVEL + room + band, (cell, row)
        assert abs(conformal.bias_pp) <= 0.5 + 3.3 * conformal.bias_standard_error, (cell, conformal)
        assert independent.coverage < regression.coverage, cell


def test_intervals_hold_the_truth(reference, autoregressive, binomial_band):
    weekday = reference("recast_dgp/expected.json")["dow_profile_Mon_Sun"]
    check({"A1": read_out(autoregressive, weekday, "A1", 40, 0)}, binomial_band, 40)


def test_size_does_not_matter(reference, autoregressive):
    # GeoLift publishes a bias of 3.2 points for A2. Relative scaling gives A2 the very answer of A1; the
    # additive one, the negative control, does not.
    weekday = reference("recast_dgp/expected.json")["dow_profile_Mon_Sun"]
    same, _ = panel(np.random.default_rng(1), autoregressive, weekday)
    large, _ = panel(np.random.default_rng(1), autoregressive, weekday, inflation=5.0)
    for scaling, alike in (("relative", True), ("additive", False)):
        lifts = [synthetic_control(x, scaling=scaling).lift.relative_lift for x in (same, large)]
        assert (lifts[0] == pytest.approx(lifts[1], rel=1e-6)) == alike


# ---------------------------------------------------------------- the study

INTRODUCTION = """# Geo tests beside published simulations

Recast's simulation study of geo tests (getrecast/geolift-simulation-study) publishes what GeoLift does on a
multiplicative process; its row is quoted here beside what the methods of this package do on the same process,
{replications:,} panels per cell: 20 control geos and one treated, 90 days before the test and 15 in it, daily noise
with autocorrelation .3. The treated geo is five times as large in A2, there are 9 controls in A3, and 30 days before
the test in A4. Baselines, trend and scales of the noise are not published: ours differ, so bias, widths and power
compare between the cells of a row, not between rows. Written by `make study`
(`tests/experiments/lift/geo/test_recast.py`).

*Bias*: mean of estimate less truth, in points of lift, at a lift of 7.5%. *False alarms*: share of panels without a
lift in which a 95% test finds one. *Power*: share in which it finds the lift of 7.5%. *Held*: share of 95% intervals
that hold the truth, with the lift and without. *Width*: of these intervals, in units of the same method's in A1 (ours
the median, GeoLift's its mean).

{table}

A treated geo much larger than its controls (A2) lies outside of what any mean of them can follow, and GeoLift's
estimate is 3.2 points too high. In relative scaling (the default of `synthetic_control`) A2 is A1 in other units.
Errors taken as independent make the regression's intervals too narrow. Another simulation of this process found these
shares of intervals that hold the truth, for autoregressive and independent errors: {port}.
"""


@pytest.mark.study
def test_intervals_hold_the_truth_in_the_long_run(reference, autoregressive, binomial_band):
    published = reference("recast_dgp/expected.json")
    port = reference("recast_dgp/observed_tbr_conformal_port.json")
    replications = published["replications"]
    weekday = published["dow_profile_Mon_Sun"]
    found = {cell: read_out(autoregressive, weekday, cell, replications, seed) for seed, cell in enumerate(CELLS)}
    PAGE.write_text(as_page(published, port, found, replications), encoding="utf-8")
    check(found, binomial_band, replications)
    check_beside_published(published, port, found, binomial_band, replications)


def check_beside_published(published, port, found, binomial_band, replications):
    # Baselines, trend and scales differ: shares may lie .04 apart beyond 3.3 standard errors of both.
    for cell, rows in found.items():
        conformal, regression, independent = rows.values()
        geolift, other = published["GeoLift_alpha05_ridge_block"][cell], port[f"{cell}_0.075"]
        room = 0.04 + math.sqrt(2) * binomial_band(0.90, replications)
        for ours, theirs in (
            (conformal.coverage, geolift["coverage"]),
            (conformal.coverage_null, geolift["coverage_null"]),
            (conformal.coverage, other["conf_cover95"]),
            (regression.coverage, other["tbr_ar1_cover95"]),
            (independent.coverage, other["tbr_cover95"]),
        ):
            assert ours == pytest.approx(theirs, abs=room), (cell, ours, theirs)
        assert abs(conformal.bias_pp) <= abs(geolift["bias_pp"]) + 3.3 * conformal.bias_standard_error, cell
        # An autocorrelation of .3 widens the regression's intervals alike, whatever the scales.
        widening = other["width_tbr_ar1"] / other["width_tbr"]
        assert regression.ci_width / independent.ci_width == pytest.approx(widening, rel=0.10), cell


def as_page(published, port, found, replications):
    """docs/geo-published.md."""
    geolift = published["GeoLift_alpha05_ridge_block"]
    header = ["cell", "method", "bias", "false alarms", "power at 7.5%", "held", "held, no lift", "width"]
    lines = [" | ".join(header), "--- | --- | " + " | ".join(["---:"] * (len(header) - 2))]
    for cell, rows in found.items():
        theirs = geolift[cell]
        lines.append(
            f"{cell} | GeoLift, published | {theirs['bias_pp']:+.2f} | {theirs['fpr']:.1%} | {theirs['power_7.5']:.1%} "
            f"| {theirs['coverage']:.1%} | {theirs['coverage_null']:.1%} "
            f"| {theirs['ci_width'] / geolift['A1']['ci_width']:.2f}"
        )
        for name, row in rows.items():
            lines.append(
                f"{cell} | {name} | {row.bias_pp:+.2f} ± {row.bias_standard_error:.2f} | {row.fpr:.1%} | {row.power:.1%} "
                f"| {row.coverage:.1%} | {row.coverage_null:.1%} | {row.ci_width / found['A1'][name].ci_width:.2f}"
            )
    others = "; ".join(
        f"{cell} {port[f'{cell}_0.075']['tbr_ar1_cover95']:.1%} and {port[f'{cell}_0.075']['tbr_cover95']:.1%}"
        for cell in found
    )
    table = "\n".join(f"| {line} |" for line in lines)
    return INTRODUCTION.format(replications=replications, table=table, port=others)
