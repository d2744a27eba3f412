"""Two channels tested at once in independent holdouts: what each does alone, both do together, and their interaction."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cpalab.refusal import refuse
from cpalab.result import Result
from experiments.lift.estimate.arm_sums import ArmStatistics, PairStatistics
from experiments.lift.estimate.cost_ratio import CostPerIncrementalConversion, cost_per_incremental_conversion
from experiments.lift.estimate.few_conversions import few_conversions, notes_of_few
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution
from experiments.lift.estimate.small_counts import SmallCountContrast, SmallCountDistribution
from experiments.lift.user.user_test import with_bounds

__all__ = ["ContrastCost", "FactorialTest", "factorial_test"]

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
class ContrastCost:
    """Additional cost of a contrast per person, in units of money.

    Attributes:
        mean: the cost.
        standard_error: its sampling error; 0 for money known to be paid.
        covariance: with the contrast's conversions.
    """

    mean: float
    standard_error: float = 0.0
    covariance: float = 0.0


@dataclass(frozen=True)
class FactorialTest(Result):
    """A 2 × 2 test read out. Effects are conversions per person.

    Attributes:
        first, second: names of the channels.
        users: people in the cells (neither, first alone, second alone, both).
        first_alone, second_alone, both: effect against seeing neither.
        interaction: both − first_alone − second_alone; above zero the channels help each other, below they replace each
            other, and single tests cannot be added up.
        first_main_effect, second_main_effect: mean of the effects with and without the other channel.
        costs: additional cost of each contrast but the interaction; empty where costs are not known.
        notes: what the reader of the numbers must know, one sentence each.
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
    costs: Mapping[str, ContrastCost] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def cost_per_incremental_conversion(
        self, contrast: str, level: float = 0.95
    ) -> CostPerIncrementalConversion | None:
        """Additional cost ÷ additional conversions of a contrast, in units of money; None without costs.

        An interaction has no price: it is a difference of effects.
        """
        if contrast not in self.costs:
            return None
        cost, effect = self.costs[contrast], getattr(self, contrast)
        return cost_per_incremental_conversion(
            effect, cost.mean, level=level, cost_standard_error=cost.standard_error, covariance=cost.covariance
        )

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """One row per contrast: conversions per person with bounds, p-value and verdict; with costs, the price too."""
        rows = []
        for name in CONTRASTS:
            effect: LiftEstimate = getattr(self, name)
            row: dict[str, object] = {
                "contrast": name,
                **with_bounds("conversions_per_person", effect.difference, effect.interval(level)),
            }
            if self.costs:
                price = self.cost_per_incremental_conversion(name, level)
                point, bounds = (math.nan, (math.nan, math.nan))
                if price is not None:
                    point, bounds = price.point, (price.lower, price.upper)
                row |= with_bounds("cost_per_incremental_conversion", point, bounds)
            rows.append({**row, "p_value": effect.p_value(), "significant": effect.verdict(level) != 0})
        return pd.DataFrame(rows)

    def summary(self, level: float = 0.95) -> str:
        """Whether the two channels act on their own, in a sentence."""
        verdict = {
            1: "together they cause more than each alone adds up to",
            -1: "together they cause less than each alone adds up to: they replace each other",
            0: "no interaction can be told from zero",
        }[self.interaction.verdict(level)]
        sentence = f"{self.first} and {self.second}: {verdict} (p = {self.interaction.p_value():z.3g})."
        return " ".join((sentence, *self.notes))


def factorial_test(
    first: str,
    second: str,
    conversions: ArrayLike,
    sees_first: ArrayLike,
    sees_second: ArrayLike,
    cost: ArrayLike | None = None,
) -> FactorialTest:
    """Σ_c w_c ȳ_c over the four cells, with standard error √(Σ_c w_c² s_c² / n_c) and a normal distribution.

    Where a cell has few conversions (fewer than 100 expected at the rate of all, or fewer than 25), every contrast takes the
    score limits of its cells, combined.

    Args:
        first, second: names of the channels.
        conversions: per person, (users,).
        sees_first, sees_second: whether the person is treated (not held out) in each test, (users,).
        cost: money paid for each person, (users,), for the prices.

    Raises:
        LiftInputError: a cell with fewer than two people.

    Example:
        >>> import numpy as np
        >>> from experiments.lift import factorial_test
        >>> people = np.arange(400)
        >>> search, video = people % 2 == 1, people // 2 % 2 == 1
        >>> orders = (people % 10 < 2 + 2 * search).astype(float)
        >>> factorial_test("search", "video", orders, search, video).to_frame().columns.tolist()[:2]
        ['contrast', 'conversions_per_person']
    """
    outcome, a, b = np.asarray(conversions), np.asarray(sees_first, np.bool_), np.asarray(sees_second, np.bool_)
    chosen = [(a == x) & (b == y) for y in (False, True) for x in (False, True)]
    cells = [ArmStatistics.from_values(outcome[cell]) for cell in chosen]
    names = ("neither", f"{first} alone", f"{second} alone", "both")
    refuse(
        [
            f"{name}: {cell.users} people must be at least 2; hold out a larger share in both tests"
            for name, cell in zip(names, cells, strict=True)
            if cell.users < 2
        ]
    )
    # One rule for all contrasts: an arm with few conversions is in each of them.
    few = all(cell.is_count for cell in cells) and few_conversions(*cells)
    effects = {name: _contrast(cells, weights, few) for name, weights in CONTRASTS.items()}
    notes = notes_of_few(
        {f"the cell {name}": cell for name, cell in zip(names, cells, strict=True)},
        all(effect.verdict() for effect in effects.values()),
    )
    if few:
        notes += ("Few conversions in a cell: every contrast is read by score limits.",)
    neither, one, other, both = (cell.users for cell in cells)
    costs: dict[str, ContrastCost] = {}
    if cost is not None:
        paid = np.asarray(cost, np.float64)
        pairs = [PairStatistics.from_values(outcome[cell], paid[cell]) for cell in chosen]
        costs = {name: _cost(pairs, weights) for name, weights in CONTRASTS.items() if name != "interaction"}
    return FactorialTest(first, second, (neither, one, other, both), **effects, costs=costs, notes=notes)


def _cost(cells: list[PairStatistics], weights: tuple[float, ...]) -> ContrastCost:
    """Σ_c w_c x̄_c with its error and covariance; money known to be paid where no cell it is compared with cost anything."""
    parts = [(w, cell) for w, cell in zip(weights, cells, strict=True) if w]
    mean = math.fsum(w * cell.other.mean for w, cell in parts)
    if not any(cell.other.sum for w, cell in parts if w < 0):
        return ContrastCost(mean)
    variance = math.fsum(w**2 * cell.other.mean_variance for w, cell in parts)
    covariance = math.fsum(w**2 * cell.covariance / cell.users for w, cell in parts)
    return ContrastCost(mean, math.sqrt(variance), covariance)


def _contrast(cells: list[ArmStatistics], weights: tuple[float, ...], few: bool) -> LiftEstimate:
    parts = [(w, cell) for w, cell in zip(weights, cells, strict=True) if w]
    if few and weights[0] == -1.0 and len(parts) == 2:
        return LiftEstimate(SmallCountDistribution(parts[1][1], cells[0]))
    if few:
        return LiftEstimate(SmallCountContrast(tuple(cell for _, cell in parts), tuple(w for w, _ in parts)))
    difference = math.fsum(w * cell.mean for w, cell in parts)
    variance = math.fsum(w**2 * cell.mean_variance for w, cell in parts)
    neither = cells[0]
    return LiftEstimate(
        StudentDistribution(
            difference,
            math.sqrt(variance) if variance > 0 else math.inf,
            baseline=neither.mean,
            baseline_standard_error=math.sqrt(neither.mean_variance),
            covariance=weights[0] * neither.mean_variance,
        )
    )
