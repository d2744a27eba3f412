"""Trimmed match: the estimating equation, robustness to an odd pair, calibration, refusals."""

from statistics import NormalDist

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.methods.gbr import geo_based_regression
from experiments.lift.geo.methods.sign_flips import sign_flips
from experiments.lift.geo.methods.trimmed_match import trimmed_match, trimmed_match_test
from experiments.lift.geo.panel import GeoPanel, geo_experiment

NINETY = NormalDist().inv_cdf(0.95)


def pairs_of(rng, n, theta=2.0, tail=None):
    cost = rng.uniform(1.0, 5.0, n)
    noise = rng.normal(0.0, 1.0, n) if tail is None else rng.standard_t(tail, n)
    return theta * cost + noise, cost


def test_the_trimmed_sum_is_zero_at_the_estimate():
    rng = np.random.default_rng(1)
    for _ in range(20):
        response, cost = pairs_of(rng, 25, tail=2)
        match = trimmed_match(response, cost)
        m = match.trimmed_pairs
        errors = np.sort(response - match.return_on_ad_spend * cost)
        assert errors[m : 25 - m].sum() == pytest.approx(0.0, abs=1e-6)
        assert match.p_value(match.return_on_ad_spend, sign_flips(25, seed=1)) > 0.9


def test_one_odd_pair_moves_little():
    rng = np.random.default_rng(2)
    response, cost = pairs_of(rng, 20)
    clean = trimmed_match(response, cost).return_on_ad_spend
    response[0] += 500.0
    odd = trimmed_match(response, cost)
    assert odd.trimmed_pairs >= 1
    assert odd.return_on_ad_spend == pytest.approx(clean, abs=0.3)
    assert response.sum() / cost.sum() > clean + 3  # the plain ratio is carried away


def coverage(n, replications, seed, tail):
    rng = np.random.default_rng(seed)
    flips = sign_flips(n, seed)
    held = [trimmed_match(*pairs_of(rng, n, 2.0, tail)).p_value(2.0, flips) >= 0.10 for _ in range(replications)]
    return np.mean(held)


def check_coverage(replications, binomial_band):
    # 90 % intervals at 3.3 standard errors: sign flips are exact, but for the grid of the share (the authors'
    # own normal intervals cover .82 to .85 at 10 pairs, .87 at 25, .89 at 100).
    band = binomial_band(0.90, replications)
    for n, tail in ((10, None), (25, 3), (60, 3)):
        assert coverage(n, replications, n, tail) == pytest.approx(0.90, abs=band + 0.001)


def test_intervals_cover(binomial_band):
    check_coverage(300, binomial_band)


def test_the_authors_normal_intervals_are_too_narrow_with_few_pairs(binomial_band):
    # Published: 90 % intervals of their library cover .82 to .85 at 10 pairs (1,000 draws). At 3.3 standard errors of 500.
    rng = np.random.default_rng(10)
    held = []
    for _ in range(500):
        match = trimmed_match(*pairs_of(rng, 10, tail=3), "normal")  # type: ignore[call-arg]  # unpacked
        below, above = match.normal_distribution().distances(NINETY)
        off = 2.0 * match.cost.sum() - match.return_on_ad_spend * match.cost.sum()
        held.append(-below <= off <= above)
    assert 0.82 - binomial_band(0.82, 500) <= np.mean(held) <= 0.85 + binomial_band(0.85, 500)
    assert np.mean(held) < 0.90 - binomial_band(0.90, 500)


@pytest.mark.parametrize("inference", ["sign_flips", "normal"])
def test_money_saved_and_spent_are_read_alike(inference):
    rng = np.random.default_rng(4)
    response, cost = pairs_of(rng, 15, tail=3)
    spent, saved = trimmed_match(response, cost), trimmed_match(-response, -cost)
    assert saved.return_on_ad_spend == pytest.approx(spent.return_on_ad_spend, rel=1e-12)
    if inference == "normal":
        gained, lost = spent.normal_distribution(), saved.normal_distribution()
        assert lost.tail() == pytest.approx(gained.tail())
        assert lost.distances(NINETY) == pytest.approx(gained.distances(NINETY)[::-1])
        return
    for theta in (0.0, 1.7, 2.0, 2.4):
        flips = sign_flips(15, seed=1)
        assert saved.p_value(theta, flips) == spent.p_value(theta, flips)


@pytest.mark.parametrize(
    ("response", "cost", "level", "theta", "error", "trim", "limits"),
    [
        # google/trimmed_match: its README, and its estimator's unit test (estimates of the C++ code at 0be8552).
        ((1, 10, 3, 8, 5), (1, 5, 2, 5, 3), 0.80, 1.6, 0.04, 1, (1.5194502109841437, 1.6574228120423244)),
        ((1, 10, 3, 8), (1, 5, 2, 5), 0.90, 1.5714285714285714, 0.0408163, 1, (-29.374197924, 1.618974456)),
    ],
)
def test_normal_inference_follows_the_authors_rules(response, cost, level, theta, error, trim, limits):
    match = trimmed_match(np.array(response, float), np.array(cost, float), "normal")
    total = float(sum(cost))
    assert match.return_on_ad_spend == pytest.approx(theta)
    assert match.trimmed_pairs == trim
    distribution = match.normal_distribution()
    assert distribution.standard_error / total == pytest.approx(error, rel=1e-5)
    below, above = distribution.distances(NormalDist().inv_cdf(0.5 + level / 2))
    assert (theta - below / total, theta + above / total) == pytest.approx(limits, rel=1e-6)


def test_pairs_without_any_difference_say_why_nothing_is_known(panel_of_geos):
    panel = panel_of_geos(3, geos=12)
    response, cost = np.full((12, 40), 100.0), np.zeros((12, 40))
    cost[::2, 30:], response[::2, 30:] = 2.0, 106.0
    exact = GeoPanel(panel.geos, panel.dates[:40], response, cost)
    experiment = geo_experiment(exact, panel.geos[::2], "2026-01-31", "2026-02-09")
    pairs = list(zip(panel.geos[::2], panel.geos[1::2], strict=True))
    for inference in ("sign_flips", "normal"):
        test = trimmed_match_test(experiment, pairs, inference=inference)
        assert test.lift.difference == pytest.approx(6 * 10 * 6.0)
        assert "Every pair has the same return per cost, 3, to the last digit" in test.summary()
        assert "No effect can be ruled out" in test.summary()


def test_costs_that_differ_by_rounding_are_no_test_of_money(panel_of_geos):
    # 0.1 in every row: sums of it differ in the sixteenth digit.
    panel = panel_of_geos(3, geos=12)
    constant = GeoPanel(panel.geos, panel.dates, panel.response, np.full(panel.response.shape, 0.1))
    experiment = geo_experiment(constant, panel.geos[::2], "2026-03-02", "2026-03-21")
    pairs = list(zip(panel.geos[::2], panel.geos[1::2], strict=True))
    with pytest.raises(LiftInputError, match="nothing was tested"):
        trimmed_match_test(experiment, pairs)
    with pytest.raises(LiftInputError, match="nothing was tested"):
        geo_based_regression(experiment)
    assert difference_in_differences(experiment).cost == 0.0


def test_costs_of_both_signs_keep_to_the_root_near_the_plain_ratio():
    rng = np.random.default_rng(5)
    for _ in range(50):
        cost = rng.normal(1.0, 1.5, 16)
        match = trimmed_match(2.0 * cost + rng.normal(0.0, 0.1, 16), cost)
        assert match.return_on_ad_spend == pytest.approx(2.0, abs=0.3)


@pytest.mark.study
def test_intervals_cover_in_the_long_run(binomial_band):
    check_coverage(3_000, binomial_band)


def paired(panel_of_geos, seed, lift):
    panel = panel_of_geos(seed, geos=24, treated=range(0, 24, 2), lift=lift, cost_per_day=6.0, noise=0.03)
    experiment = geo_experiment(panel, panel.geos[::2], "2026-03-02", "2026-03-21")
    return experiment, list(zip(panel.geos[::2], panel.geos[1::2], strict=True))


@pytest.mark.parametrize("inference", ["sign_flips", "normal"])
def test_p_value_interval_and_price_agree(panel_of_geos, inference):
    for seed, lift in enumerate((0.0, 0.02, 0.05, 0.3)):
        test = trimmed_match_test(*paired(panel_of_geos, seed, lift), inference=inference)
        assert test.inference == inference
        assert test.cost == pytest.approx(12 * 20 * 6.0)
        for level in test.levels:
            lower, upper = test.lift.interval(level)
            significant = test.p_value < significance(level)
            assert significant == (not lower <= 0 <= upper)
            assert test.cost_per_incremental_conversion(level).bounded == significant


def test_bad_pairs_are_refused(panel_of_geos):
    experiment, pairs = paired(panel_of_geos, 1, 0.0)
    for broken, words in (
        ([("g00", "g99")], "must be a geo of the table"),
        ([*pairs, ("g00", "g05")], "one pair only"),
        ([("g00", "g02"), *pairs[3:]], "exactly one treated geo"),
        (pairs[:-1], "must be in a pair"),
    ):
        with pytest.raises(LiftInputError, match=words):
            trimmed_match_test(experiment, broken)
    with pytest.raises(LiftInputError, match="inference: bootstrap must be sign_flips or normal"):
        trimmed_match_test(experiment, pairs, inference="bootstrap")
    with pytest.raises(LiftInputError, match="at least 4"):
        trimmed_match(np.ones(3), np.ones(3))
    with pytest.raises(LiftInputError, match="nothing was tested"):
        trimmed_match(np.ones(6), np.array([1.0, -1, 1, -1, 1, -1]))
