"""Waterfall: the way from CPA before to CPA after, one step per cause, the real ones first (currency per action)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.comparison.explain.explain import Cause, Shift
from experiments.comparison.explain.sentences import CENT

ORDER = ("real", "record", "time")


@dataclass(frozen=True)
class Step:
    """One bar: from where to where CPA goes.

    Attributes:
        name: of the cause, or `before`, `after`, `all others`.
        kind: of the cause: real, record or time; `whole` for before and after.
        start, end: of the bar, in currency per action; before and after begin at 0.
        part: end - start; error: its standard error, 0 where it is exact.
    """

    name: str
    kind: str
    start: float
    end: float
    error: float = 0.0

    @property
    def part(self) -> float:
        """How much CPA this step adds; of `before` and `after` the whole."""
        return self.end - self.start


def steps(shift: Shift, causes: Sequence[Cause]) -> tuple[Step, ...]:
    """Before, each cause that moved CPA by half a cent or more, and after; empty where the parts are not known."""
    if math.isnan(shift.moved) or any(math.isnan(part) for part in shift.parts):
        return ()
    own = sorted(
        zip(causes, shift.parts.tolist(), shift.errors.tolist(), strict=True),
        key=lambda entry: (ORDER.index(entry[0].kind), -abs(entry[1])),
    )
    found = [Step("before", "whole", 0.0, shift.before)]
    at = shift.before
    for cause, part, error in own:
        if abs(part) >= CENT:
            found.append(Step(cause.name, cause.kind, at, at + part, error))
            at += part
    return (*found, Step("after", "whole", 0.0, shift.after))
