"""Several channels at once: family-wise p-values and intervals."""

import numpy as np
import pytest
from scipy.stats import dunnett

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.cost_ratio import cost_per_incremental_conversion
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution, significance
from experiments.lift.estimate.multiplicity import against_shared_control, holm_p_values
from experiments.lift.estimate.welch import welch_lift


def test_holm_steps_down():
    adjusted = holm_p_values({"social": 0.04, "search": 0.01, "video": 0.03})
    assert adjusted == pytest.approx({"search": 0.03, "video": 0.06, "social": 0.06})
    with pytest.raises(LiftInputError, match="at least one"):
        holm_p_values({})


def test_shared_control_agrees_with_scipy_on_large_arms():
    rng = np.random.default_rng(1)
    control = rng.normal(0.0, 1.0, 4_000)
    arms = {name: rng.normal(mean, 1.0, 3_000) for name, mean in (("a", 0.06), ("b", 0.0), ("c", 0.04))}
    scipy = dunnett(*arms.values(), control=control, random_state=np.random.default_rng(2))
    statistics = ArmStatistics.from_values(control)
    family = against_shared_control(
        {name: welch_lift(ArmStatistics.from_values(y), statistics) for name, y in arms.items()},
        statistics.mean_variance,
    )
    ours = [lift.p_value() for lift in family.lifts.values()]
    # SciPy pools the variance and integrates by quasi-Monte Carlo: three digits.
    np.testing.assert_allclose(ours, scipy.pvalue, rtol=0.04)
    bounds = scipy.confidence_interval(0.95)
    np.testing.assert_allclose([x.interval()[0] for x in family.lifts.values()], bounds.low, atol=2e-3)


def test_independent_comparisons_are_sidaks():
    lifts = {name: LiftEstimate(StudentDistribution(2.0, 1.0)) for name in "abcd"}
    family = against_shared_control(lifts, 0.0)
    single = lifts["a"].p_value()
    assert family.lifts["a"].p_value() == pytest.approx(1 - (1 - single) ** 4, rel=1e-9)


def test_the_family_errs_at_most_at_alpha(binomial_band):
    # 20,000 seeded families of four channels without effect; 3.3 standard errors.
    rng = np.random.default_rng(4)
    shared = rng.normal(0.0, np.sqrt(0.5), (20_000, 1))
    z = rng.normal(0.0, np.sqrt(0.5), (20_000, 4)) - shared
    lifts = {name: LiftEstimate(StudentDistribution(0.0, 1.0)) for name in "abcd"}
    limit = against_shared_control(lifts, 0.5).lifts["a"].critical_value(0.95)
    assert (np.abs(z) > limit).any(axis=1).mean() == pytest.approx(0.05, abs=binomial_band(0.05, 20_000))
    assert (np.abs(z) > 1.96).any(axis=1).mean() > 0.10  # the negative control: each channel on its own


def test_p_value_interval_and_price_agree():
    lifts = {str(z): LiftEstimate(StudentDistribution(z, 1.0)) for z in (0.5, 2.0, 2.34, 2.36, -3.0, 9.0)}
    for lift in against_shared_control(lifts, 0.5).lifts.values():
        lower, upper = lift.interval()
        significant = lift.p_value() < significance(0.95)
        assert significant == (not lower <= 0 <= upper)
        assert cost_per_incremental_conversion(lift, 10.0).bounded == significant


def test_a_family_says_what_it_found():
    family = against_shared_control(
        {"social": LiftEstimate(StudentDistribution(5.0, 1.0)), "video": LiftEstimate(StudentDistribution(0.1, 1.0))},
        0.5,
    )
    assert family.to_frame()["significant"].tolist() == [True, False]
    assert "social. " in family.summary()


def test_bad_families_are_refused():
    with pytest.raises(LiftInputError, match="at least one"):
        against_shared_control({}, 0.1)
    with pytest.raises(LiftInputError, match="control_variance"):
        against_shared_control({"a": LiftEstimate(StudentDistribution(1.0, 1.0))}, 1.5)
