"""`PathSettings`: every convention that turns touches and conversions into paths; durations in days."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal, get_args, get_type_hints

from cpalab.ga4_channels import is_direct_name
from cpalab.refusal import InvalidInputError, did_you_mean

Touches = Literal["clicks", "clicks_and_views"]
DirectRule = Literal["kept", "ignored_unless_alone", "dropped"]
AfterConversion = Literal["new_journey", "touches_shared"]
DuplicateOrders = Literal["first_kept", "all_kept"]
Counting = Literal["every", "one_per_touch"]
Nulls = Literal["all", "uncensored", "none"]


def is_one_of(channel: str, names: tuple[str, ...]) -> bool:
    """Whether a channel bears one of these names, without regard to case; tools' names for direct visits are one."""
    if is_direct_name(channel) and any(map(is_direct_name, names)):
        return True
    return channel.casefold() in {name.casefold() for name in names}


@dataclass(frozen=True, kw_only=True)
class PathSettings:
    """The conventions of a path; each default is what most tools do.

    A touch is *eligible* for a conversion if `0 <= t_conversion - t_touch <= window`: both edges count,
    durations are exact (never calendar days), and touches at the same instant keep the order of their rows.

    Attributes:
        lookback_days: the window of clicks.
        view_lookback_days: the window of views (ad platforms: one day).
        channel_lookback_days: the window of clicks of single channels, where it differs.
        channel_view_lookback_days: the window of views of single channels, where it differs.
        touches: whether views enter paths at all. Touches without a `kind` are clicks.
        click_beats_view: a journey with an eligible click keeps its clicks only (W3C attribution reporting,
            the ad platforms); views then count in journeys that consist of views alone.
        direct_channels: names that mean "came without a referrer"; compared without regard to case.
        direct: what happens to direct touches. `ignored_unless_alone` drops them from every journey that has
            another touch (web analytics' last non-direct); it is applied before `click_beats_view`, because a
            direct visit is not a click on an ad.
        after_conversion: `new_journey`: a conversion consumes the touches before it, and the next conversion
            sees later touches only; conversions at the same instant end the same journey. `touches_shared`:
            every conversion sees every eligible touch.
        lookback_touches: keep only so many of the latest eligible touches; `None` keeps all.
        duplicate_orders: `first_kept`: of conversions of one person with the same `order_id` the earliest
            counts.
        counting: `one_per_touch`: of a person's conversions that share their last touch the earliest counts
            (what ad platforms call counting "one").
        nulls: which journeys without conversion become null paths: `all`; `uncensored` only those whose
            window had closed when observation ended, so that they cannot convert any more; `none`. A null
            journey ends at its last touch and looks back from there. A person without conversion has one;
            under `new_journey`, so has a person with touches after the last conversion.
        observed_until: the end of observation, in days or as a datetime like the data's own times (a datetime
            without time zone is UTC); `None` takes the latest time in the data. Give it for shards.
        counted_from: the start of the count, on the same clock. The past before it is known but not counted: its
            touches may be credited, its conversions use up the touches before them, and journeys that end in it are
            left out. `None` counts everything.

    Raises:
        InvalidInputError: windows that are negative or no numbers, unknown words, an end before the start; all at once.

    Example:
        >>> from attribution import PathSettings
        >>> PathSettings(lookback_days=7, direct="dropped").lookback_days
        7
    """

    lookback_days: float = 30.0
    view_lookback_days: float = 1.0
    channel_lookback_days: Mapping[str, float] = field(default_factory=dict)
    channel_view_lookback_days: Mapping[str, float] = field(default_factory=dict)
    touches: Touches = "clicks"
    click_beats_view: bool = True
    direct_channels: tuple[str, ...] = ("direct",)
    direct: DirectRule = "kept"
    after_conversion: AfterConversion = "new_journey"
    lookback_touches: int | None = None
    duplicate_orders: DuplicateOrders = "first_kept"
    counting: Counting = "every"
    nulls: Nulls = "all"
    observed_until: float | datetime | None = None
    counted_from: float | datetime | None = None

    def __post_init__(self) -> None:
        """Refuse durations and words that mean nothing."""
        problems = [*self._durations(), *self._words()]
        if self.lookback_touches is not None and self.lookback_touches < 1:
            problems.append(f"lookback_touches: {self.lookback_touches} must be at least 1; None keeps every touch")
        names: object = self.direct_channels
        if isinstance(names, str):
            problems.append(f"direct_channels: {names!r} must be a tuple of names; add a comma")
        if problems:
            raise InvalidInputError(problems)

    def is_direct(self, channel: str) -> bool:
        """Whether a channel's name is one of `direct_channels`."""
        return is_one_of(channel, self.direct_channels)

    def window_days(self, channel: str, *, view: bool) -> float:
        """How many days before a conversion a click (or a view) of this channel still counts."""
        if view:
            return self.channel_view_lookback_days.get(channel, self.view_lookback_days)
        return self.channel_lookback_days.get(channel, self.lookback_days)

    def _durations(self) -> list[str]:
        windows = {
            "lookback_days": self.lookback_days,
            "view_lookback_days": self.view_lookback_days,
            **{f"channel_lookback_days[{name!r}]": days for name, days in self.channel_lookback_days.items()},
            **{f"channel_view_lookback_days[{name!r}]": days for name, days in self.channel_view_lookback_days.items()},
        }
        return [
            f"{place}: {days} must be a number of days, zero or more; math.inf means no limit"
            for place, days in windows.items()
            if math.isnan(days) or days < 0
        ]

    def _words(self) -> list[str]:
        hints = get_type_hints(type(self))
        problems = []
        for item in fields(self):
            words, value = get_args(hints[item.name]), getattr(self, item.name)
            if all(isinstance(word, str) for word in words) and words and value not in words:
                problems.append(f"{item.name}: {value!r} is not a rule; {did_you_mean(str(value), words)}")
        return problems
