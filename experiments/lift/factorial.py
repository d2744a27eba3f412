"""Two channels tested at once in independent holdouts: what each does alone, both do together, and their interaction."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from experiments.lift.arms import ArmStatistics
from experiments.lift.estimate import LiftEstimate, StudentLaw
from experiments.lift.refusal import refuse
from experiments.lift.user import with_bounds

__all__ = ["FactorialTest", "factorial_test"]

# What is asked of the four cells (neither, first alone, second alone, both): the weights of their means.
CONTRASTS = {
    "first_alone": (-1.0, 1.0, 0.0, 0.0),
    "second_alone": (-1.0, 0.0, 1.0, 0.0),
    "both": (-1.0, 0.0, 0.0, 1.0),
    "interaction": (1.0, -1.0, -1.0, 1.0),
    "first_main_effect": (-0.5, 0.5, -0.5, 0.5),
    "second_main_effect": (-0.5, -0.5, 0.5, 0.5),
}


@dataclass(frozen=True)
class FactorialTest:
    """A 2 × 2 test read out. Effects are conversions per person.

    Attributes:
        first, second: names of the channels.
        users: people in the cells (neither, first alone, second alone, both).
        first_alone, second_alone, both: effect against seeing neither.
        interaction: both − first_alone − second_alone; above zero the channels help each other, below they replace each
            other, and single tests cannot be added up.
        first_main_effect, second_main_effect: mean of the effects with and without the other channel.
    """

    first: str
    second: str
    users: tuple[int, int, int, int]
    first_alone: LiftEstimate
    second_alone: LiftEstimate
    both: LiftEstimate
    interaction: LiftEstimate
    first_main_effect: LiftEstimate
    second_main_effect: LiftEstimate

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """One row per contrast: conversions per person with bounds, and the p-value."""
        rows = []
        for name in CONTRASTS:
            effect: LiftEstimate = getattr(self, name)
            rows.append(
                {
                    "contrast": name,
                    **with_bounds("conversions_per_person", effect.difference, effect.interval(level)),
                    "p_value": effect.p_value(),
                }
            )
        return pd.DataFrame(rows)

    def summary(self, level: float = 0.95) -> str:
        """Whether the two channels act on their own, in a sentence."""
        verdict = {
            1: "together they cause more than each alone adds up to",
            -1: "together they cause less than each alone adds up to: they replace each other",
            0: "no interaction can be told from zero",
        }[self.interaction.verdict(level)]
        return f"{self.first} and {self.second}: {verdict} (p = {self.interaction.p_value():z.3g})."


def factorial_test(
    first: str, second: str, conversions: ArrayLike, sees_first: ArrayLike, sees_second: ArrayLike
) -> FactorialTest:
    """Σ_c w_c ȳ_c over the four cells, with standard error √(Σ_c w_c² s_c² / n_c) and a normal law.

    Args:
        first, second: names of the channels.
        conversions: per person, (users,).
        sees_first, sees_second: whether the person is treated (not held out) in each test, (users,).

    Raises:
        LiftInputError: a cell with fewer than two people.
    """
    outcome, a, b = np.asarray(conversions), np.asarray(sees_first, np.bool_), np.asarray(sees_second, np.bool_)
    cells = [ArmStatistics.from_values(outcome[(a == x) & (b == y)]) for y in (False, True) for x in (False, True)]
    names = ("neither", f"{first} alone", f"{second} alone", "both")
    refuse(
        [
            f"{name}: {cell.users} people must be at least 2; hold out a larger share in both tests"
            for name, cell in zip(names, cells, strict=True)
            if cell.users < 2
        ]
    )
    effects = {name: _contrast(cells, weights) for name, weights in CONTRASTS.items()}
    neither, one, other, both = (cell.users for cell in cells)
    return FactorialTest(first, second, (neither, one, other, both), **effects)


def _contrast(cells: list[ArmStatistics], weights: tuple[float, ...]) -> LiftEstimate:
    difference = math.fsum(w * cell.mean for w, cell in zip(weights, cells, strict=True))
    variance = math.fsum(w**2 * cell.mean_variance for w, cell in zip(weights, cells, strict=True))
    neither = cells[0]
    return LiftEstimate(
        StudentLaw(
            difference,
            math.sqrt(variance) if variance > 0 else math.inf,
            baseline=neither.mean,
            baseline_standard_error=math.sqrt(neither.mean_variance),
            covariance=weights[0] * neither.mean_variance,
        )
    )
