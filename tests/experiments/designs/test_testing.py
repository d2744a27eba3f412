"""The conformance suite of designs: every built-in design passes, and each rule catches a design that breaks it.

A sound design fails the rule about its truth once in ten thousand suites; the worlds are seeded.
"""

from dataclasses import dataclass, replace

import pytest

from cpalab.refusal import ScenarioError
from experiments.designs.registry import DESIGNS, find_designs
from experiments.designs.testing import check_design, design_checks
from experiments.designs.users.user_holdout import USER_HOLDOUT
from experiments.lift.estimate.cost_ratio import CostPerIncrementalConversion


@pytest.mark.parametrize("name", DESIGNS)
def test_every_built_in_design_passes(name):
    check_design(*find_designs([name]))


@dataclass(frozen=True)
class Broken:
    """The user holdout, spoilt."""

    name: str = "broken"
    factorial: bool = True

    def arrange(self, scenario, channel):
        return USER_HOLDOUT.arrange(scenario, channel)

    def read(self, world, channel):
        return replace(USER_HOLDOUT.read(world, channel), design=self.name)

    def truth(self, world, channels, threads=1):
        return USER_HOLDOUT.truth(world, channels, threads)


class ChangesTheMarket(Broken):
    def arrange(self, scenario, channel):
        arranged = super().arrange(scenario, channel)
        return arranged.model_copy(update={"run": arranged.run.model_copy(update={"seed": 77})})


class TakesAnything(Broken):
    def arrange(self, scenario, channel):
        try:
            return super().arrange(scenario, channel)
        except ScenarioError:
            return scenario


class OneAtATime(Broken):
    def arrange(self, scenario, channel):
        tables = scenario.model_dump()
        for name, own in tables["channels"].items():
            if name != channel:
                own["holdout"]["share"] = 0.0
        return super().arrange(type(scenario).model_validate(tables), channel)


class AnotherName(Broken):
    def read(self, world, channel):
        return USER_HOLDOUT.read(world, channel)


class NeverBounded(CostPerIncrementalConversion):
    bounded = False


class BoundedAlways(CostPerIncrementalConversion):
    bounded = True


class PriceApart(Broken):
    def read(self, world, channel):
        reading = super().read(world, channel)
        turned = NeverBounded if reading.cost.bounded else BoundedAlways
        return replace(reading, cost=turned(**vars(reading.cost)))


class Optimist(Broken):
    def truth(self, world, channels, threads=1):
        found = super().truth(world, channels, threads)
        return {
            name: replace(own, incremental_conversions=own.incremental_conversions + 5) for name, own in found.items()
        }


class FarOff(Broken):
    def truth(self, world, channels, threads=1):
        found = super().truth(world, channels, threads)
        return {
            name: replace(own, incremental_conversions=100_000) if own.incremental_conversions else own
            for name, own in found.items()
        }


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (ChangesTheMarket, "arranges_a_test_and_nothing_else"),
        (TakesAnything, "refuses_channels_that_cannot_be_tested"),
        (OneAtATime, "tests_of_two_channels_stand_side_by_side"),
        (AnotherName, "reads_a_test_out"),
        (PriceApart, "price_and_interval_agree"),
        (Optimist, "ads_without_effect_have_no_true_effect"),
        (FarOff, "reading_holds_its_truth"),
    ],
)
def test_a_broken_design_is_caught_by_its_rule(broken, rule):
    check = next(check for check in design_checks() if check.__name__ == rule)
    check(Broken())
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever a broken design raises
        check(broken())


def test_the_suite_names_every_broken_rule():
    with pytest.raises(AssertionError, match="breaks 1 rules") as found:
        check_design(FarOff())
    assert "reading_holds_its_truth" in str(found.value)
