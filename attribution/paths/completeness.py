"""Conversion lag in Google's buckets, and completeness: the share of a day's conversions that are in by age in days."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.refusal import InvalidInputError
from cpalab.result import Result

if TYPE_CHECKING:
    import pandas as pd

# Google Ads' conversion_lag_bucket: the lower edge is included, the upper is not.
BUCKET_EDGES_DAYS = (*(float(day) for day in range(15)), 21.0, 30.0, 45.0, 60.0, 90.0)


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
        return self._share(self.share, age_days)

    def to_frame(self) -> pd.DataFrame:
        """One row per bucket: `from_days, to_days, share, observed_share, completeness` (at `to_days`)."""
        import pandas as pd

        edges = [*BUCKET_EDGES_DAYS, np.inf]
        rows = []
        for low, high in pairwise(edges):
            within = [
                self._before(share, high) - self._before(share, low) for share in (self.share, self.observed_share)
            ]
            rows.append((low, high, *within, self._before(self.share, high)))
        return pd.DataFrame(rows, columns=["from_days", "to_days", "share", "observed_share", "completeness"])

    def summary(self) -> str:
        """How complete recent days are, in one sentence."""
        if self.conversions == 0:
            return "No conversion had a touch."
        told = ", ".join(f"{self.at(age):.0%} after {age:g} days" for age in (1, 7, 14, 30))
        return f"Of the conversions a day's touches bring, {told} ({self.conversions:,.0f} conversions seen)."

    def _share(self, share: Floats, age_days: float) -> float:
        place = int(np.searchsorted(self.lag_days, age_days, side="right"))
        return float(share[place - 1]) if place else 0.0

    def _before(self, share: Floats, days: float) -> float:
        place = int(np.searchsorted(self.lag_days, days, side="left"))
        return float(share[place - 1]) if place else 0.0


def completeness(paths: Paths) -> Completeness:
    """share(t) = Π over lags l > t of 1 - d(l) / n(l), with d(l) conversions of lag l, and n(l) at risk of being seen.

    A conversion is seen only if its lag is not longer than its touch is old when observation ends: short lags are
    over-represented among recent touches. n(l) counts the conversions of lag up to l whose touch is at least l old: the
    product-limit estimate for right-truncated data. Lags longer than the oldest touch cannot be known; the share is of
    lags up to there.

    Raises:
        InvalidInputError: if the paths hold no journeys.

    Source: Lagakos, Barraj & De Gruttola (1988), Nonparametric analysis of truncated survival data, Biometrika 75(3).
    """
    journeys = paths.journeys
    if journeys is None:
        raise InvalidInputError(
            ["paths: hold counts only, without times; give touches, not streamed (in Python: keep_journeys=True)"]
        )
    chosen = np.flatnonzero(journeys.converted & (np.diff(journeys.offsets) > 0))
    lag, weight = journeys.age_days[journeys.offsets[chosen + 1] - 1], journeys.weight[chosen]
    oldest = lag + journeys.follow_up_days[chosen]
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
