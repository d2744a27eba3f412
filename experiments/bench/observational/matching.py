"""Exposed against unexposed people, as they are or within cells of people alike (conversions)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cpalab.plugins import NameWithParameters
from experiments.bench.observational.people import PeopleSeen

__all__ = ["ExactMatching", "ExposedVsUnexposed"]


@dataclass(frozen=True)
class ExposedVsUnexposed:
    """n₁ (ȳ₁ − ȳ₀): orders per exposed person less orders per unexposed person, times the people exposed.

    Source: the first row of every table of Gordon, Zettelmeyer, Bhargava & Chapsky (2019), Marketing Science 38(2).
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("exposed_vs_unexposed")

    def estimate(self, people: PeopleSeen) -> float:
        """Conversions that the ads caused, were the unexposed like the exposed."""
        return _within(people, np.zeros(len(people.exposed), np.int64))


@dataclass(frozen=True)
class ExactMatching:
    """Σ n₁(c) (ȳ₁(c) − ȳ₀(c)) over cells c of people with the same device, place and segment.

    Exposed people in a cell without unexposed ones are taken to gain what the others gain on average.

    Source: Gordon et al. (2019) match on age and gender.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("exact_matching")

    def estimate(self, people: PeopleSeen) -> float:
        """Conversions that the ads caused, were people of a cell alike."""
        return _within(people, people.cell)


def _within(people: PeopleSeen, cell: "np.typing.NDArray[np.int64]") -> float:
    """The differences within cells, weighted by the exposed of each."""
    if not people.exposed.any():
        return 0.0
    cells = int(cell.max()) + 1
    people_in, orders_in = np.zeros((2, cells)), np.zeros((2, cells))
    for arm, chosen in enumerate((~people.exposed, people.exposed)):
        people_in[arm] = np.bincount(cell[chosen], minlength=cells)
        orders_in[arm] = np.bincount(cell[chosen], people.orders[chosen], minlength=cells)
    both = (people_in > 0).all(axis=0)
    matched = people_in[1, both].sum()
    if not matched:
        return math.nan
    gain = orders_in[1, both].sum() - (people_in[1, both] * orders_in[0, both] / people_in[0, both]).sum()
    return float(gain * people_in[1].sum() / matched)
