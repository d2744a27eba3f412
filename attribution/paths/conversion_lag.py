"""Conversion lag in days since the last touch: its distribution as seen, and corrected for conversions still to come."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.paths.journeys import Journeys
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats, Ints
from cpalab.refusal import InvalidInputError
from cpalab.result import Result

if TYPE_CHECKING:
    import pandas as pd

HOUR_DAYS = 1 / 24
LAGS_DAYS = (HOUR_DAYS, 1.0, 7.0, 14.0)
# Google Ads' conversion_lag_bucket: the lower edge is included, the upper is not.
BUCKET_EDGES_DAYS = (*(float(day) for day in range(15)), 21.0, 30.0, 45.0, 60.0, 90.0)
NO_TIMES = (
    "paths: hold counts only, without times; give touches, not streamed (in Python: keep_journeys=True), or paths with a "
    "column days_before_conversion ('3 > 1 > 0')"
)


@dataclass(frozen=True)
class ConversionLag(Result):
    """How soon conversions follow the touch that last click credits.

    Attributes:
        lag_days: the lags, in days.
        share: share of conversions that came within each lag of the last touch, the lag itself included.
        single_touch_share: share of converting paths that have one touch.
        conversions: conversions counted: those with at least one touch.
    """

    lag_days: tuple[float, ...]
    share: tuple[float, ...]
    single_touch_share: float
    conversions: float

    def to_frame(self) -> pd.DataFrame:
        """One row per lag: `lag_days, share`."""
        import pandas as pd

        return pd.DataFrame({"lag_days": self.lag_days, "share": self.share})

    def summary(self) -> str:
        """The shares in one sentence."""
        if self.conversions == 0:
            return "No conversion had a touch."
        told = ", ".join(
            f"{share:.1%} within {_span(days)}" for days, share in zip(self.lag_days, self.share, strict=True)
        )
        return (
            f"Of {self.conversions:,.0f} conversions with a touch, {told} of the last one; "
            f"{self.single_touch_share:.1%} of their paths have a single touch."
        )


def conversion_lag(paths: Paths, lag_days: tuple[float, ...] = LAGS_DAYS) -> ConversionLag:
    """share(d) = conversions with t_conversion - t_last_touch <= d / conversions with a touch.

    Args:
        paths: with their journeys.
        lag_days: the lags d, in days.

    Raises:
        InvalidInputError: if the paths hold no journeys, or a lag is negative.

    Example:
        >>> from attribution import build_paths, conversion_lag
        >>> touches = {"user_id": ["ann", "ann", "bob"], "time": [1.0, 2.0, 3.0], "channel": ["search", "email", "search"]}
        >>> paths = build_paths(touches, {"user_id": ["ann"], "time": [2.5]})
        >>> conversion_lag(paths).share  # within an hour, a day, 7 and 14 days
        (0.0, 1.0, 1.0, 1.0)
    """
    problems = [f"lag_days: {days} must be zero or more" for days in lag_days if not days >= 0]
    if paths.journeys is None:
        problems.append(NO_TIMES)
    if problems or paths.journeys is None:
        raise InvalidInputError(problems)
    chosen, age, weight = _last_touch(paths.journeys)
    total = float(weight.sum())
    if total == 0:
        return ConversionLag(lag_days, (float("nan"),) * len(lag_days), float("nan"), 0.0)
    share = tuple(float(weight[age <= days].sum()) / total for days in lag_days)
    return ConversionLag(
        lag_days, share, float(weight[np.diff(paths.journeys.offsets)[chosen] == 1].sum()) / total, total
    )


def _span(days: float) -> str:
    number, unit = (days * 24, "hour") if days < 1 else (days, "day")
    return f"{number:g} {unit}" + ("" if number == 1 else "s")


@dataclass(frozen=True, eq=False)
class Completeness(Result):
    """The distribution of the lag from the last touch to the conversion, corrected for what is still to come.

    Attributes:
        lag_days: observed lags, rising [n_lags].
        share: share of all conversions, those still to come included, with a lag up to each [n_lags].
        observed_share: the same of the conversions seen so far: too high for short lags.
        conversions: conversions seen, with at least one touch.
    """

    lag_days: Floats
    share: Floats
    observed_share: Floats
    conversions: float

    def at(self, age_days: float) -> float:
        """The share of a day's conversions that are in when it is so many days old."""
        return self._share(self.share, age_days, "right")

    def to_frame(self) -> pd.DataFrame:
        """One row per bucket: `from_days, to_days, share, observed_share, completeness` (at `to_days`)."""
        import pandas as pd

        edges = [*BUCKET_EDGES_DAYS, np.inf]
        rows = []
        for low, high in pairwise(edges):
            within = [self._share(share, high) - self._share(share, low) for share in (self.share, self.observed_share)]
            rows.append((low, high, *within, self._share(self.share, high)))
        return pd.DataFrame(rows, columns=["from_days", "to_days", "share", "observed_share", "completeness"])

    def summary(self) -> str:
        """How complete recent days are, in one sentence."""
        if self.conversions == 0:
            return "No conversion had a touch."
        told = ", ".join(f"{self.at(age):.0%} after {age:g} days" for age in (1, 7, 14, 30))
        return f"Of the conversions a day's touches bring, {told} ({self.conversions:,.0f} conversions seen)."

    def _share(self, share: Floats, days: float, side: Literal["left", "right"] = "left") -> float:
        """Of lags below `days`, or up to it with side "right"."""
        place = int(np.searchsorted(self.lag_days, days, side))
        return float(share[place - 1]) if place else 0.0


def completeness(paths: Paths) -> Completeness:
    """share(t) = Π over lags l > t of 1 - d(l) / n(l), with d(l) conversions of lag l, and n(l) at risk of being seen.

    A conversion is seen only if its lag is not longer than its touch is old when observation ends: short lags are
    over-represented among recent touches. n(l) counts the conversions of lag up to l whose touch is at least l old: the
    product-limit estimate for right-truncated data. Lags longer than the oldest touch cannot be known; the share is of
    lags up to there.

    Args:
        paths: with their journeys.

    Raises:
        InvalidInputError: if the paths hold no journeys.

    Source: Lagakos, Barraj & De Gruttola (1988), Nonparametric analysis of truncated survival data, Biometrika 75(3).

    Example:
        >>> from attribution import build_paths, completeness
        >>> touches = {"user_id": ["ann", "ann", "bob"], "time": [1.0, 2.0, 3.0], "channel": ["search", "email", "search"]}
        >>> paths = build_paths(touches, {"user_id": ["ann"], "time": [2.5]})
        >>> completeness(paths).at(7)
        1.0
    """
    if paths.journeys is None:
        raise InvalidInputError([NO_TIMES])
    chosen, lag, weight = _last_touch(paths.journeys)
    oldest = lag + paths.journeys.follow_up_days[chosen]
    lags, place = np.unique(lag, return_inverse=True)
    if len(lags) == 0:
        none = np.empty(0)
        return Completeness(none, none, none, 0.0)
    seen = np.bincount(place, weights=weight, minlength=len(lags))
    order = np.argsort(oldest)
    too_young = np.append(0.0, np.cumsum(weight[order]))[np.searchsorted(oldest[order], lags, side="left")]
    up_to = np.cumsum(seen)
    at_risk = up_to - too_young
    kept = 1 - np.divide(seen, at_risk, out=np.zeros(len(lags)), where=at_risk > 0)
    share = np.append(np.cumprod(kept[:0:-1])[::-1], 1.0)
    return Completeness(lags, share, up_to / up_to[-1], float(up_to[-1]))


def _last_touch(journeys: Journeys) -> tuple[Ints, Floats, Floats]:
    """The conversions with a touch: which journeys they end, days since the last touch, and how often each counts."""
    chosen = np.flatnonzero(journeys.converted & (np.diff(journeys.offsets) > 0))
    return chosen, journeys.age_days[journeys.offsets[chosen + 1] - 1], journeys.weight[chosen]
