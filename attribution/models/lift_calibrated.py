"""Lift-calibrated attribution: any model's credit, rescaled to what lift tests found the channels to add."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from attribution.credit import Credit
from attribution.model import AttributionModel, FittedModel, UncertainModel
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError, did_you_mean


@dataclass(frozen=True)
class LiftResult:
    """What a lift test found, per conversion that the model credits to the channel.

    Attributes:
        channel: the tested channel.
        incremental_per_attributed: incremental conversions per credited conversion, in the same period and
            among the same people.
        standard_error: of that ratio.
    """

    channel: str
    incremental_per_attributed: float
    standard_error: float

    def __post_init__(self) -> None:
        """Refuse numbers that are none."""
        ratio, error = self.incremental_per_attributed, self.standard_error
        problems = []
        if not math.isfinite(ratio):
            problems.append(f"incremental_per_attributed: {ratio} of {self.channel!r} must be a number")
        if not (math.isfinite(error) and error >= 0):
            problems.append(f"standard_error: {error} of {self.channel!r} must be a number, zero or more")
        if problems:
            raise InvalidInputError(problems)

    @staticmethod
    def of_test(channel: str, incremental_conversions: float, standard_error: float, credit: Credit) -> LiftResult:
        """Incremental_conversions / credited conversions, and its standard error.

        Args:
            channel: the tested channel.
            incremental_conversions: what the test found the channel to add.
            standard_error: of that number.
            credit: the model's credit of the paths of the test (of people who could see the channel).

        Raises:
            InvalidInputError: if the model credits nothing to the channel: then nothing can be rescaled.
        """
        given = dict(zip(credit.channels, credit.conversions, strict=True))
        if channel not in given:
            raise InvalidInputError([f"channel: {channel!r} is not in the credit; {did_you_mean(channel, given)}"])
        if not given[channel] > 0:
            raise InvalidInputError(
                [f"credit: {credit.method} credits nothing to {channel!r}, which cannot be rescaled"]
            )
        attributed = float(given[channel])
        return LiftResult(channel, incremental_conversions / attributed, standard_error / attributed)


@dataclass(frozen=True)
class LiftCalibrated:
    """credit(c) = incremental_per_attributed(c) × the model's credit of c; what that leaves is baseline.

    Value is rescaled likewise. A channel without a test keeps the model's credit as it is, and with it
    whatever the model gets wrong. `bootstrap_credits` carries both uncertainties through: each draw refits
    the model on people drawn anew, and draws the ratio from the normal distribution of its test, taken as
    independent of the log. A ratio below 0 is no mistake: the channel cost conversions, as far as the test
    can tell.

    Attributes:
        model: the model to be calibrated.
        lifts: the results of the tests, one per tested channel.
    """

    prefix: ClassVar[str] = "lift_calibrated"
    model: AttributionModel
    lifts: tuple[LiftResult, ...]

    def __post_init__(self) -> None:
        """Refuse two tests of one channel."""
        names = [lift.channel for lift in self.lifts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidInputError(
                [f"lifts: {name!r} has more than one result; pool them into one first" for name in twice]
            )

    @property
    def name(self) -> str:
        """`lift_calibrated_` and the name of the model."""
        return f"{self.prefix}_{self.model.name}"

    def drawn(self, rng: np.random.Generator) -> Self:
        """The model with every ratio drawn from the distribution of its test."""
        lifts = tuple(
            replace(
                lift,
                incremental_per_attributed=float(rng.normal(lift.incremental_per_attributed, lift.standard_error)),
            )
            for lift in self.lifts
        )
        model = self.model.drawn(rng) if isinstance(self.model, UncertainModel) else self.model
        return replace(self, model=model, lifts=lifts)

    def fit(self, paths: Paths) -> FittedLiftCalibrated:
        """Fit the model.

        Raises:
            InvalidInputError: if a tested channel is not one of the paths'.
        """
        unknown = [lift.channel for lift in self.lifts if paths.channels and lift.channel not in paths.channels]
        if unknown:
            raise InvalidInputError(
                [
                    f"lifts: {name!r} is not a channel of the paths; {did_you_mean(name, paths.channels)}"
                    for name in unknown
                ]
            )
        ratios = {lift.channel: lift.incremental_per_attributed for lift in self.lifts}
        return FittedLiftCalibrated(self.name, self.model.fit(paths), ratios)


@dataclass(frozen=True, eq=False)
class FittedLiftCalibrated:
    """The fitted model and the ratios.

    Attributes:
        name: the method's name.
        fitted: the fitted model.
        ratios: incremental conversions per credited one, of each tested channel.
    """

    name: str
    fitted: FittedModel
    ratios: dict[str, float]

    def credit(self, paths: Paths) -> Credit:
        """The rescaled credit; what rescaling takes away is added to the baseline."""
        credit = self.fitted.credit(paths)
        ratio = np.array([self.ratios.get(name, 1.0) for name in credit.channels], dtype=np.float64)
        return replace(
            credit,
            method=self.name,
            conversions=ratio * credit.conversions,
            value_micros=ratio * credit.value_micros,
            baseline_conversions=credit.baseline_conversions + float((1 - ratio) @ credit.conversions),
            baseline_value_micros=credit.baseline_value_micros + float((1 - ratio) @ credit.value_micros),
        )
