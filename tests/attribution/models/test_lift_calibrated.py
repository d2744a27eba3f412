"""Lift-calibrated credit: rescaling, its baseline, and both uncertainties."""

import numpy as np
import pytest

from attribution.bootstrap import bootstrap_credits
from attribution.models.lift_calibrated import LiftCalibrated, LiftResult
from attribution.models.rules.rules import LastClick, Linear
from attribution.models.shapley.shapley_response import ShapleyIncremental
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError

PATHS = Paths.from_rows(["a > b", "b", ""], [60, 30, 10], value_micros=[6_000_000, 9_000_000, 0], nulls=[300, 100, 0])


def test_tested_channels_are_rescaled_and_the_rest_is_baseline():
    model = LiftCalibrated(Linear(), (LiftResult("b", 0.5, 0.1),))
    credit = model.fit(PATHS).credit(PATHS)
    assert credit.method == "lift_calibrated_linear"
    assert credit.conversions.tolist() == [30, 30]
    assert credit.baseline_conversions == 30
    assert credit.value_micros.tolist() == [3e6, 6e6]
    assert credit.baseline_value_micros == 6e6


def test_a_baseline_the_model_has_already_is_kept():
    base = ShapleyIncremental().fit(PATHS).credit(PATHS)
    credit = LiftCalibrated(ShapleyIncremental(), (LiftResult("a", 2.0, 0),)).fit(PATHS).credit(PATHS)
    assert credit.conversions[0] == pytest.approx(2 * base.conversions[0])
    assert credit.baseline_conversions == pytest.approx(base.baseline_conversions - base.conversions[0])


def test_on_the_paths_of_the_test_the_credit_is_what_the_test_found():
    base = LastClick().fit(PATHS).credit(PATHS)
    lift = LiftResult.of_test("b", 27.0, 9.0, base)
    assert (lift.incremental_per_attributed, lift.standard_error) == pytest.approx((0.3, 0.1))
    assert LiftCalibrated(LastClick(), (lift,)).fit(PATHS).credit(PATHS).conversions == pytest.approx([0, 27])


def test_both_uncertainties_are_carried_through():
    # credit × ratio: variances of relative errors add, but for their product. Standard errors of 3,000 draws
    # err by 1.3 %, so 6 % is over four of them.
    paths = Paths.from_rows(["a", ""], [100, 400], nulls=[9500, 0])
    people = np.sqrt(10_000 * 0.01 * 0.99)

    def error(standard_error):
        lift = LiftResult("a", 0.5, standard_error)
        model = LiftCalibrated(LastClick(), (lift,))
        interval = bootstrap_credits([model], paths, seed=1, replicates=3000, level=0.6827)[0].interval
        return (interval.conversions_upper[0] - interval.conversions_lower[0]) / 2

    assert error(0) == pytest.approx(0.5 * people, rel=0.06)
    both = np.sqrt((0.5 * people) ** 2 + (0.1 * 100) ** 2 + (0.1 * people) ** 2)
    assert error(0.1) == pytest.approx(both, rel=0.06)


def test_other_models_see_the_same_draws_as_without_it():
    lifts = (LiftResult("a", 0.5, 0.1),)
    alone = bootstrap_credits([Linear()], PATHS, seed=2, replicates=20)[0]
    beside = bootstrap_credits([LiftCalibrated(Linear(), lifts), Linear()], PATHS, seed=2, replicates=20)[1]
    assert np.array_equal(alone.interval.conversions_lower, beside.interval.conversions_lower)


def test_a_harmful_channel_may_have_negative_credit():
    credit = LiftCalibrated(LastClick(), (LiftResult("b", -0.1, 0.2),)).fit(PATHS).credit(PATHS)
    assert credit.conversions[1] == pytest.approx(-9)
    assert credit.baseline_conversions == pytest.approx(99)


def test_mistakes_are_explained():
    base = LastClick().fit(PATHS).credit(PATHS)
    with pytest.raises(InvalidInputError, match="lifts: 'B' is not a channel of the paths; did you mean b"):
        LiftCalibrated(LastClick(), (LiftResult("B", 1, 0),)).fit(PATHS)
    with pytest.raises(InvalidInputError, match="lifts: 'b' has more than one result; pool them"):
        LiftCalibrated(LastClick(), (LiftResult("b", 1, 0), LiftResult("b", 2, 0)))
    with pytest.raises(InvalidInputError, match="channel: 'c' is not in the credit"):
        LiftResult.of_test("c", 1, 1, base)
    with pytest.raises(InvalidInputError, match="last_click credits nothing to 'a'"):
        LiftResult.of_test("a", 1, 1, base)
    with pytest.raises(InvalidInputError) as error:
        LiftResult("b", float("nan"), -1)
    assert len(error.value.lines) == 2
