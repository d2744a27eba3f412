"""The conformance suite of geo methods: every built-in method passes, and each rule catches a method that breaks it.

A sound method of its level fails the placebo rule once in ten thousand suites; the suite is seeded.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.lift_estimate import LiftEstimate
from experiments.lift.geo.method import BUILT_IN, find_geo_method
from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.result import GeoLiftTest
from experiments.lift.testing import check_geo_method, geo_method_checks

# The suite's market is twelve pairs; a method whose placebos take sets of control geos needs more controls than treated geos.
NEEDS_MORE_CONTROLS = "synthetic_did"


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != NEEDS_MORE_CONTROLS])
def test_every_built_in_method_passes(name):
    check_geo_method(find_geo_method(name))


def test_a_method_that_needs_more_controls_than_pairs_have_refuses_the_suites_market_in_words():
    with pytest.raises((AssertionError, LiftInputError), match="must be at least 13, more than were treated"):
        check_geo_method(find_geo_method(NEEDS_MORE_CONTROLS))


@dataclass(frozen=True)
class Broken:
    """Difference in differences, spoilt."""

    name: str = "broken"

    def read(self, experiment, levels=(0.90, 0.95)):
        return self.spoilt(difference_in_differences(experiment, levels), experiment)

    def spoilt(self, test, experiment):
        return test


def with_estimate(test, difference, error):
    was = test.lift.distribution
    return replace(test, lift=LiftEstimate(replace(was, difference=difference, standard_error=error)))


class Nameless(Broken):
    def __init__(self):
        super().__init__(name="")


class WithoutLevels(Broken):
    def spoilt(self, test, experiment):
        return replace(test, levels=(0.5,))


class BeforeAndAfter(Broken):
    """No control at all."""

    def spoilt(self, test, experiment):
        treated, days = experiment.treated, experiment.test_days
        before = treated[:, experiment.pre].mean() * treated.shape[0] * days
        gain = float(treated[:, experiment.window].sum() - before)
        return with_estimate(test, gain, test.lift.standard_error)


class TooSure(Broken):
    def spoilt(self, test, experiment):
        return with_estimate(test, test.lift.difference, test.lift.standard_error / 3)


class Blind(Broken):
    def spoilt(self, test, experiment):
        return with_estimate(test, 0.1 * test.lift.difference, test.lift.standard_error)


class InThousands(Broken):
    """A constant in the unit of the response."""

    def spoilt(self, test, experiment):
        return with_estimate(test, test.lift.difference + 50.0, test.lift.standard_error)


class PApart(Broken):
    def spoilt(self, test, experiment):
        class Test(GeoLiftTest):
            @property
            def p_value(self):
                return min(1.0, 4 * super().p_value)

        return Test(**vars(test))


class PriceOfAnotherLevel(Broken):
    def spoilt(self, test, experiment):
        class Test(GeoLiftTest):
            def cost_per_incremental_conversion(self, level=0.95):
                return super().cost_per_incremental_conversion(0.9999999)

        return Test(**vars(test))


class TwiceTheCost(Broken):
    def spoilt(self, test, experiment):
        return replace(test, cost=2 * test.cost)


class NeedsCost(Broken):
    def spoilt(self, test, experiment):
        if experiment.panel.cost is None:
            raise LiftInputError(["cost: column is required"])
        return test


class Overwrites(Broken):
    def spoilt(self, test, experiment):
        experiment.panel.response[0, 0] += 1
        return test


class Random(Broken):
    def spoilt(self, test, experiment):
        return with_estimate(test, test.lift.difference + np.random.default_rng().normal(), test.lift.standard_error)


class Crashes(Broken):
    def spoilt(self, test, experiment):
        return test

    def read(self, experiment, levels=(0.90, 0.95)):
        if experiment.pre_days < 10:
            raise ZeroDivisionError("division by zero")
        return super().read(experiment, levels)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (Nameless, "reads_a_test_out"),
        (WithoutLevels, "reads_a_test_out"),
        (Blind, "finds_a_planted_lift"),
        (BeforeAndAfter, "common_shocks_do_not_move_the_lift"),
        (InThousands, "units_change_nothing"),
        (PApart, "p_value_and_interval_agree"),
        (PriceOfAnotherLevel, "interval_and_price_agree"),
        (TwiceTheCost, "interval_and_price_agree"),
        (TooSure, "placebos_are_rejected_at_the_level"),
        (NeedsCost, "cost_may_be_unknown"),
        (Overwrites, "reading_changes_no_input"),
        (Random, "same_input_same_result"),
        (Crashes, "too_little_is_refused_in_words"),
    ],
)
def test_a_broken_method_is_caught_by_its_rule(broken, rule):
    check = next(check for check in geo_method_checks() if check.__name__ == rule)
    check(Broken())
    with pytest.raises((AssertionError, LiftInputError, ZeroDivisionError)):
        check(broken())


def test_the_suite_names_every_broken_rule():
    with pytest.raises(AssertionError, match="breaks") as found:
        check_geo_method(BeforeAndAfter())
    assert "common_shocks_do_not_move_the_lift" in str(found.value)
