"""Intervals by test inversion: they hold the effects that are not rejected, wherever those lie."""

import math

import numpy as np
import pytest

from experiments.lift.estimate.lift_estimate import LiftEstimate, significance
from experiments.lift.geo.methods.conformal import TestInversionDistribution, block_conformal_p_value
from experiments.lift.geo.methods.synthetic_control import synthetic_control
from experiments.lift.geo.methods.tbr import time_based_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel


def distribution(peak, *, estimate=0.0, width=10.0, highest=1.0):
    """A p-value that falls from `highest` at `peak` to nothing `width` away."""
    return TestInversionDistribution(
        estimate, 1_000.0, lambda effect: highest * max(0.0, 1 - abs(effect - peak) / width), spread=3.0
    )


@pytest.mark.parametrize("peak", [0.0, 4.0, -4.0])
def test_the_interval_holds_exactly_what_the_test_does_not_reject(peak):
    # 1 − |e|/10 ≥ 0.1 within nine of the peak; ends are found to a 4096th of a spread's doublings.
    lower, upper = LiftEstimate(distribution(peak, estimate=1.0)).interval(0.9)
    assert (lower, upper) == pytest.approx((peak - 9.0, peak + 9.0), abs=0.02)


@pytest.mark.parametrize(("peak", "expected"), [(25.0, (1.0, 34.0)), (-25.0, (-34.0, 1.0))])
def test_where_the_estimate_is_rejected_the_interval_reaches_from_it_to_what_is_not(peak, expected):
    # The point least rejected is found to half a spread; a p-value of 0.9 instead of 1 there.
    assert LiftEstimate(distribution(peak, estimate=1.0)).interval(0.9) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("estimate", [-30.0, -1.0, 1.0, 30.0])
@pytest.mark.parametrize("peak", [-12.0, -9.5, -8.0, 0.0, 8.0, 9.5, 12.0])
def test_it_excludes_zero_exactly_where_p_is_small_though_the_estimate_lies_elsewhere(peak, estimate):
    found = LiftEstimate(distribution(peak, estimate=estimate))
    lower, upper = found.interval(0.9)
    assert (found.p_value() < 0.1) == (lower > 0 or upper < 0)
    below, above = found.distribution.distances(1.6448536269514722)
    assert (found.p_value() < 0.1) == (not -below <= -estimate <= above)


def test_where_every_effect_is_rejected_nothing_is_known():
    lower, upper = LiftEstimate(distribution(5.0, estimate=1.0, highest=0.04)).interval(0.9)
    assert math.isinf(upper)
    assert lower <= math.ulp(0.0)


# ---------------------------------------------------------------- A/A tests
#
# The published A/A study took 300 placebo pairs of markets from GeoLift's own panel (GeoLift_PreTest), which is not at hand
# here; simulated panels as unruly as real sales stand in for it: 40 geos of unlike size, with seasons and trends of their
# own and days that are alike. Each pair is drawn in a panel of its own, so that shares are those of independent tests.

GEOS, DAYS, WINDOW = 40, 90, 15


def placebo_pair(rng, autoregressive):
    """Two geos drawn at random from a panel without any test, treated in its last days."""
    time = np.arange(DAYS)
    size = np.exp(rng.normal(5.0, 0.8, GEOS))[:, None]
    common = np.cumsum(rng.normal(0.0, 0.01, DAYS)) * rng.uniform(0.5, 1.5, GEOS)[:, None]
    season = rng.uniform(0.05, 0.25, GEOS)[:, None] * np.sin(2 * np.pi * time / 7 + rng.normal(0.0, 0.3, GEOS)[:, None])
    noise = rng.uniform(0.05, 0.2, GEOS)[:, None] * autoregressive(rng, 0.5, (GEOS, DAYS))
    names = tuple(f"g{k:02d}" for k in range(GEOS))
    panel = GeoPanel(names, np.datetime64("2026-01-01") + time, size * np.exp(common + season + noise))
    treated = np.isin(np.arange(GEOS), rng.choice(GEOS, 2, replace=False))
    return GeoExperiment(panel, treated, DAYS - WINDOW, WINDOW)


def permuted_days_p_value(residuals, rng, permutations=199):
    """The negative control: |Σ residuals of the window| among those of days put in any order."""
    drawn = np.abs([rng.permutation(residuals)[-WINDOW:].sum() for _ in range(permutations)])
    return (1 + np.sum(drawn >= abs(residuals[-WINDOW:].sum()))) / (1 + permutations)


def placebo_rejections(autoregressive, pairs, seed=1):
    """Shares of placebo pairs rejected at 10 %: synthetic control, regression, and the latter's days permuted one by one."""
    rng = np.random.default_rng(seed)
    rejected = []
    for _ in range(pairs):
        experiment = placebo_pair(rng, autoregressive)
        found = [synthetic_control(experiment), time_based_regression(experiment, errors="block_conformal")]
        total, control = experiment.treated.sum(axis=0), experiment.control.sum(axis=0)
        slope, constant = np.polyfit(control, total, 1)  # refitted to all days under the null
        by_day = permuted_days_p_value(total - constant - slope * control, rng)
        rejected.append([*(test.p_value < significance(0.90) for test in found), by_day <= 0.10])
    return np.mean(rejected, axis=0)


def test_placebo_pairs_are_rejected_no_more_often_than_stated(autoregressive, binomial_band):
    # 100 pairs: 3.3 standard errors above 10 %; the negative control above that.
    *blocks, by_day = placebo_rejections(autoregressive, 100)
    assert max(blocks) <= 0.10 + binomial_band(0.10, 100)
    assert by_day > 0.10 + binomial_band(0.10, 100)


@pytest.mark.study
def test_three_hundred_placebo_pairs_are_rejected_no_more_often_than_stated(autoregressive):
    # The gate: .16 is 3.5 standard errors above 10 %; a false alarm in 4,000 seeds.
    *blocks, by_day = placebo_rejections(autoregressive, 300)
    assert max(blocks) <= 0.16
    assert by_day > 0.16


def rejections_of_residuals(autoregressive, rho, replications, seed):
    """Shares of series without effect rejected at 10 % by |Σ| of the window: days permuted one by one, and in blocks."""
    rng = np.random.default_rng(seed)
    by_day = by_block = 0
    for series in autoregressive(rng, rho, (replications, DAYS)):
        residuals = series - series.mean()
        by_day += permuted_days_p_value(residuals, rng) <= 0.10
        by_block += block_conformal_p_value(residuals, WINDOW) <= 0.10
    return by_day / replications, by_block / replications


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_permuted_days_reject_too_often_where_they_are_alike_and_blocks_do_not(
    reference, autoregressive, binomial_band, rho
):
    # The published study (250 panels, of a form not told, hence no figure to reproduce) and ours agree on what holds: 3.3
    # standard errors of each. Blocks of 15 days in 90 at ρ = .8 are hardly exchangeable, which costs ours .05 more.
    published = reference("recast_dgp/observed_conformal_AA.json")[f"AA_AR{rho}_alpha0.1"]
    by_day, by_block = rejections_of_residuals(autoregressive, rho, 400, seed=4)
    for share, replications in ((published["block_abssum"], 250), (by_block, 400)):
        assert share <= 0.10 + binomial_band(0.10, replications) + (0.05 if rho == 0.8 else 0.0)
    for share, replications in ((published["iid_abssum"], 250), (by_day, 400)):
        assert (share > 0.10 + binomial_band(0.10, replications)) == (rho > 0)
