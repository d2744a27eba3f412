"""Conversion lag: the share of conversions within so many days of their last touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError
from cpalab.result import Result

if TYPE_CHECKING:
    import pandas as pd

HOUR_DAYS = 1 / 24
LAGS_DAYS = (HOUR_DAYS, 1.0, 7.0, 14.0)


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

    Raises:
        InvalidInputError: if the paths hold no journeys, or a lag is negative.
    """
    problems = [f"lag_days: {days} must be zero or more" for days in lag_days if not days >= 0]
    if paths.journeys is None:
        problems.append(
            "paths: hold counts only, without times; give touches, not streamed (in Python: keep_journeys=True)"
        )
    if problems or paths.journeys is None:
        raise InvalidInputError(problems)
    journeys = paths.journeys
    lengths = np.diff(journeys.offsets)
    chosen = np.flatnonzero(journeys.converted & (lengths > 0))
    age, weight = journeys.age_days[journeys.offsets[chosen + 1] - 1], journeys.weight[chosen]
    total = float(weight.sum())
    if total == 0:
        return ConversionLag(lag_days, (float("nan"),) * len(lag_days), float("nan"), 0.0)
    share = tuple(float(weight[age <= days].sum()) / total for days in lag_days)
    return ConversionLag(lag_days, share, float(weight[lengths[chosen] == 1].sum()) / total, total)


def _span(days: float) -> str:
    number, unit = (days * 24, "hour") if days < 1 else (days, "day")
    return f"{number:g} {unit}" + ("" if number == 1 else "s")
