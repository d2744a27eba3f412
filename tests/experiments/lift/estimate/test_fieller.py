"""The confidence set of a ratio, against the definition it inverts."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import ndtr

from experiments.lift.estimate.fieller import fieller_set

QUANTILE = 1.959963984540054

estimates = st.floats(-5, 5)
errors = st.floats(0.05, 3)


def inverted(n, d, se_n, se_d, rho):
    return fieller_set(
        n, d, se_n**2, se_d**2, rho * se_n * se_d, QUANTILE, denominator_differs=abs(d) > QUANTILE * se_d
    )


@given(estimates, estimates, errors, errors, st.floats(-0.95, 0.95), st.floats(-20, 20))
def test_a_value_is_in_the_set_where_the_test_does_not_reject_it(n, d, se_n, se_d, rho, theta):
    variance = se_n**2 - 2 * theta * rho * se_n * se_d + theta**2 * se_d**2
    statistic = abs(n - theta * d) / math.sqrt(variance)
    assume(abs(statistic - QUANTILE) > 1e-6)  # the boundary itself belongs to both answers
    assert inverted(n, d, se_n, se_d, rho).contains(theta) == (statistic < QUANTILE)


@given(estimates, estimates, errors, errors, st.floats(-0.95, 0.95))
def test_the_set_is_bounded_where_the_denominator_differs_from_zero(n, d, se_n, se_d, rho):
    found = inverted(n, d, se_n, se_d, rho)
    assert found.bounded == (abs(d) > QUANTILE * se_d)
    assert found.contains(math.inf) != found.bounded
    if d:
        slack = 1e-9 * abs(n / d)
        assert any(low - slack <= n / d <= high + slack for low, high in found.components)


@pytest.mark.parametrize(
    ("n", "d", "kind"), [(1.0, 10.0, "interval"), (10.0, 1.0, "complement"), (0.1, 0.1, "whole_line")]
)
def test_the_three_shapes(n, d, kind):
    assert inverted(n, d, 1.0, 1.0, 0.0).kind == kind


def test_a_known_denominator_gives_the_plain_interval():
    found = fieller_set(3.0, 2.0, 0.25, 0.0, 0.0, QUANTILE, denominator_differs=True)
    assert found.components[0] == pytest.approx(((3 - QUANTILE / 2) / 2, (3 + QUANTILE / 2) / 2))


def test_an_unknown_error_excludes_nothing():
    found = fieller_set(3.0, 2.0, math.inf, 1.0, 0.0, QUANTILE, denominator_differs=False)
    assert found.kind == "whole_line"


def test_coverage_of_a_ratio_of_two_estimates_is_the_stated_one(reference, binomial_band):
    # 20,000 seeded draws per row at 90 %; each of the 10 checks fails by luck once in a thousand seeds.
    rng = np.random.default_rng(20)
    quantile, replications = 1.6448536269514722, 20_000
    for row in reference("user_rct_calibration/observed_monte_carlo.json")["A2_ratio_fieller"]:
        d_true = row["denominator_t"]
        n = rng.normal(2 * d_true, 1.0, replications)
        d = rng.normal(d_true, 1.0, replications)
        sets = [
            fieller_set(a, b, 1.0, 1.0, 0.0, quantile, denominator_differs=abs(b) > quantile)
            for a, b in zip(n, d, strict=True)
        ]
        covered = np.mean([found.contains(2.0) for found in sets])
        bounded = np.mean([found.bounded for found in sets])
        theory = float(ndtr(d_true - quantile) + ndtr(-d_true - quantile))
        assert covered == pytest.approx(0.90, abs=binomial_band(0.90, replications))
        assert bounded == pytest.approx(theory, abs=binomial_band(theory, replications))
        assert row["bounded_share"] == pytest.approx(theory, abs=0.005)  # the published simulation
