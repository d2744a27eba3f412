"""The conformance suite passes every built-in model and catches models that break a rule."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from attribution.credit import Credit
from attribution.model import load_model, model_names
from attribution.models.lift_calibrated import LiftCalibrated, LiftResult
from attribution.models.markov.markov import Markov
from attribution.models.rules.platform import PlatformClaims
from attribution.models.rules.rules import LastClick, Linear, TouchRule
from attribution.models.shapley.shapley_markov import ShapleyMarkov
from attribution.testing import check_attribution_model, conformance_checks

# What a model has to be told: here by both names of a channel, since the suite also renames it.
DECLARED: dict[str, dict[str, object]] = {
    "last_paid_click": {"paid_channels": ("email", "7 email")},
    "lift_calibrated": {"model": LastClick(), "lifts": (LiftResult("direct", 0.4, 0.1),)},
}
MODELS = [
    *(load_model(name, **DECLARED.get(name, {})) for name in model_names()),
    Markov(order=2),
    Markov(order=3),
    ShapleyMarkov(order=2),
    PlatformClaims(click_days=30, direct_channels=()),
    LiftCalibrated(Linear(), ()),
]


@pytest.mark.parametrize("check", conformance_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_built_in_models_conform(model, check):
    check(model)


class Broken(TouchRule):
    name = "broken"

    def touch_shares(self, paths):
        return LastClick().touch_shares(paths)


class LosesHalf(Broken):
    def credit(self, paths):
        credit = super().credit(paths)
        return replace(credit, conversions=credit.conversions / 2)


class SharesHalf(Broken):
    def touch_shares(self, paths):
        return super().touch_shares(paths) / 2


class FirstChannelTakesAll(Broken):
    def credit(self, paths):
        taken = np.zeros(len(paths.channels))
        taken[:1] = paths.conversions.sum()
        worth = np.zeros(len(paths.channels))
        worth[:1] = paths.value_micros.sum()
        return Credit.of_paths(self.name, paths, conversions=taken, value_micros=worth)


class CountsRows(Broken):
    def credit(self, paths):
        weight = np.ones(len(paths)) * paths.conversions.sum() / max(len(paths), 1)
        return super().credit(replace(paths, conversions=np.where(paths.value_micros > 0, weight, 0)))


class Overwrites(Broken):
    def credit(self, paths):
        credit = super().credit(paths)
        paths.conversions[:] = 0
        return credit


@dataclass
class Remembers(Broken):
    seen: list[int] = field(default_factory=list)

    def credit(self, paths):
        self.seen.append(len(paths))
        credit = super().credit(paths)
        return replace(credit, conversions=credit.conversions * (1 + 1e-6 * len(self.seen)))


class NeedsEverybodyOnce(Broken):
    def credit(self, paths):
        if paths.journeys is not None and (paths.journeys.weight != 1).any():
            raise ValueError("weights must be 1")
        return super().credit(paths)


class HidesDuplicates(Broken):
    def credit(self, paths):
        credit = super().credit(paths)
        return replace(credit, conversions=credit.conversions * 3, duplicate_conversions=1.0)


class Crashes(Broken):
    def touch_shares(self, paths):
        raise ZeroDivisionError("no journeys")


@pytest.mark.parametrize(
    ("model", "rules"),
    [
        (LosesHalf(), ["credits_sum_to_conversions_and_value", "single_touch_paths_equal_last_click"]),
        (SharesHalf(), ["credits_sum_to_conversions_and_value", "touch_shares_agree_with_credit"]),
        (FirstChannelTakesAll(), ["relabelling_changes_nothing", "touch_shares_agree_with_credit"]),
        (CountsRows(), ["grouping_rows_changes_nothing", "value_of_one_equals_counts"]),
        (Overwrites(), ["fitting_changes_no_input"]),
        (Remembers(), ["same_input_same_credit", "fitting_changes_no_input"]),
        (NeedsEverybodyOnce(), ["weights_equal_repeated_rows", "bootstrap_draws_are_credited"]),
        (HidesDuplicates(), ["credits_sum_to_conversions_and_value"]),
        (Crashes(), ["fits_and_credits", "no_conversion_no_credit"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_broken_models_are_caught_with_every_rule_they_break(model, rules):
    with pytest.raises(AssertionError) as error:
        check_attribution_model(model)
    for rule in rules:
        assert f"{rule}: " in str(error.value)
