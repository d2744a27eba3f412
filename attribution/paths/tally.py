"""`Tally`: what became of every row of the data, as counts."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What became of every row: counts of touches, conversions and null journeys (not converting).

    Attributes:
        touches: rows read.
        touches_excluded: touches that may not enter any path: views, or direct touches, where the settings
            say so.
        touches_outside_every_journey: touches older than every window, or that lost to a click or to other
            channels.
        conversions: rows read.
        duplicate_orders: conversions left out because the person's order id came earlier.
        conversions_not_counted: conversions left out because an earlier one had the same last touch.
        conversions_before_the_count: conversions left out because they came before `PathSettings.counted_from`.
        censored_nulls: null journeys kept although they could still convert when observation ended.
        nulls_left_out: null journeys left out by `PathSettings.nulls` or `PathSettings.counted_from`.
    """

    touches: int = 0
    touches_excluded: int = 0
    touches_outside_every_journey: int = 0
    conversions: int = 0
    duplicate_orders: int = 0
    conversions_not_counted: int = 0
    conversions_before_the_count: int = 0
    censored_nulls: int = 0
    nulls_left_out: int = 0

    def __add__(self, other: Tally) -> Tally:
        """The tally of both."""
        return Tally(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    def summary(self) -> str:
        """The counts that are not zero."""
        counts = {f.name.replace("_", " "): getattr(self, f.name) for f in fields(self)}
        return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none"
