"""Always-valid inference: the published vector, its error rate at any number of looks, and its width."""

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.cost_ratio import cost_per_incremental_conversion
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution, significance
from experiments.lift.estimate.welch import welch_lift
from experiments.lift.geo.methods.conformal import PlaceboDistribution
from experiments.lift.sequential.confidence_sequence import always_valid


def test_published_sequential_test_of_proportions(reference):
    vectors = reference("gbstats/gbstats.json")
    for name in ("sequential_prop_absolute", "sequential_prop_relative"):
        inputs, result = vectors[name]["inputs"], vectors[name]["result"]
        users = inputs["a"]["n"] + inputs["b"]["n"]
        distribution = StudentDistribution(result["uplift"]["mean"], result["uplift"]["stddev"])
        read = always_valid(LiftEstimate(distribution), users / inputs["tuning"])
        assert read.interval(0.95) == pytest.approx(result["ci"], rel=1e-9)
        assert read.p_value() == pytest.approx(result["pValue"], rel=1e-9)


def test_published_vector_from_the_counts(reference):
    vector = reference("gbstats/gbstats.json")["sequential_prop_absolute"]
    control, treated = (
        ArmStatistics.from_converters(int(vector["inputs"][arm]["n"]), int(vector["inputs"][arm]["sum"]))
        for arm in ("a", "b")
    )
    lift = always_valid(welch_lift(treated, control), 6461 / 5000)
    assert lift.interval(0.95) == pytest.approx(vector["result"]["ci"], rel=1e-9)


def test_any_number_of_looks_keeps_the_error_rate(binomial_band):
    # 20,000 seeded tests without effect, 100 looks each; an excess of 3.3 standard errors fails.
    looks, replications = 100, 20_000
    rng = np.random.default_rng(100)
    fractions = np.arange(1, looks + 1) / looks
    z = rng.normal(0.0, np.sqrt(1 / looks), (replications, looks)).cumsum(axis=1) / np.sqrt(fractions)
    limits = [
        always_valid(LiftEstimate(StudentDistribution(0.0, 1.0)), float(t)).critical_value(0.95) for t in fractions
    ]
    assert (np.abs(z) > limits).any(axis=1).mean() <= 0.05 + binomial_band(0.05, replications)
    assert (np.abs(z) > 1.96).any(axis=1).mean() > 0.25  # the negative control: reading a fixed test


def test_it_is_narrowest_where_it_was_tuned():
    lift = LiftEstimate(StudentDistribution(0.0, 1.0))
    # The absolute width at n users is q(n)/√n: its ratio to the sequence tuned for n is least at 1.
    width = {f: always_valid(lift, f).critical_value() for f in (0.2, 0.5, 0.8, 1.0, 1.25, 2.0, 5.0)}
    assert min(width, key=width.__getitem__) == 1.0
    assert 1.5 < width[1.0] / lift.critical_value() < 1.7


def test_p_value_interval_and_price_agree():
    for z in (0.0, 1.0, 3.0, 3.08, 3.2, -4.0, 40.0):
        lift = always_valid(LiftEstimate(StudentDistribution(z, 1.0)), 0.7)
        for level in (0.8, 0.95, 0.99):
            lower, upper = lift.interval(level)
            significant = lift.p_value() < significance(level)
            assert significant == (not lower <= 0 <= upper)
            assert cost_per_incremental_conversion(lift, 5.0, level=level).bounded == significant


def test_bad_input_is_refused():
    lift = LiftEstimate(StudentDistribution(1.0, 1.0))
    with pytest.raises(LiftInputError, match="positive"):
        always_valid(lift, 0.0)
    with pytest.raises(LiftInputError, match="must not be read"):
        always_valid(LiftEstimate(PlaceboDistribution(1.0, 10.0, (0.5, -0.5))), 1.0)
