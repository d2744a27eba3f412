"""Over worlds: lowest, median and highest of one figure in worlds that fit (its own unit), and their progress (shares)."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["Over", "over_worlds", "part_of"]


@dataclass(frozen=True)
class Over:
    """One figure in all worlds.

    Attributes:
        lowest, median, highest: of the worlds that have it; nan where none has.
        worlds: how many have it.
    """

    lowest: float
    median: float
    highest: float
    worlds: int

    def named(self, name: str) -> dict[str, object]:
        """The three as columns of a table: name_lowest, name, name_highest."""
        return {f"{name}_lowest": self.lowest, name: self.median, f"{name}_highest": self.highest}

    def in_words(self, form: str) -> str:
        """`-1.20 to +3.40`, or one number where all worlds show the same."""
        low, high = format(self.lowest, form), format(self.highest, form)
        return low if low == high else f"{low} to {high}"


def over_worlds(values: Iterable[float]) -> Over:
    """Order the figures of all worlds; the median is the upper one of two."""
    ordered = sorted(value for value in map(float, values) if not math.isnan(value))
    if not ordered:
        return Over(math.nan, math.nan, math.nan, 0)
    return Over(ordered[0], ordered[len(ordered) // 2], ordered[-1], len(ordered))


def part_of(progress: Callable[[float], None], begun_at: float, share: float) -> Callable[[float], None]:
    """Progress of one world as progress of all: begun_at + share · done."""
    return lambda done: progress(begun_at + share * min(done, 1.0))
