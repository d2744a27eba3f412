"""`Credit`: conversions and value credited to each channel, with room for their intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.micros import MICROS
from cpalab.result import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Interval:
    """Percentile bootstrap bounds of a credit; every array is [n_channels].

    Attributes:
        level: nominal coverage, 0.95 for 95 %.
        replicates: how many bootstrap draws.
        conversions_lower: lower bounds of the credited conversions.
        conversions_upper: upper bounds of the credited conversions.
        value_micros_lower: lower bounds of the credited value.
        value_micros_upper: upper bounds of the credited value.
    """

    level: float
    replicates: int
    conversions_lower: Floats
    conversions_upper: Floats
    value_micros_lower: Floats
    value_micros_upper: Floats


@dataclass(frozen=True, eq=False)
class Credit(Result):
    """Who gets the credit: credited + baseline + unattributed = all conversions + duplicates; value likewise.

    Attributes:
        method: the name of the model.
        channels: channel names [n_channels].
        conversions: conversions credited to each channel [n_channels].
        value_micros: value in micros credited to each channel [n_channels].
        unattributed_conversions: conversions without any touch (that the method counts): nobody's.
        unattributed_value_micros: their value in micros.
        baseline_conversions: conversions with touches that the model says would have happened without them
            (0 for models that hand out every conversion).
        baseline_value_micros: their value in micros.
        duplicate_conversions: conversions credited once too often, where several platforms may claim the same
            one (0 for models that see all channels).
        duplicate_value_micros: their value in micros.
        interval: bootstrap bounds, where they were asked for.
        note: what else a reader should know of how it was found; part of the summary.

    Example:
        >>> from attribution import build_paths, load_model
        >>> touches = {"user_id": ["ann", "ann"], "time": [1.0, 2.0], "channel": ["search", "email"]}
        >>> paths = build_paths(touches, {"user_id": ["ann"], "time": [2.5]})
        >>> print(load_model("linear").fit(paths).credit(paths))
        linear credits 1.0 conversions, most of them to email (0.5); 0.0 conversions had no touch.
    """

    method: str
    channels: tuple[str, ...]
    conversions: Floats
    value_micros: Floats
    unattributed_conversions: float = 0.0
    unattributed_value_micros: float = 0.0
    baseline_conversions: float = 0.0
    baseline_value_micros: float = 0.0
    duplicate_conversions: float = 0.0
    duplicate_value_micros: float = 0.0
    interval: Interval | None = None
    note: str = ""

    @staticmethod
    def from_touch_shares(method: str, paths: Paths, shares: Floats) -> Credit:
        """Credit each touch with its share [n_touches] of its path; shares of a path sum to 1."""
        from attribution.paths.kernels import sum_shares

        conversions, value_micros = sum_shares(
            paths.codes, paths.offsets, shares, paths.conversions, paths.value_micros, len(paths.channels)
        )
        return Credit.of_paths(method, paths, conversions=conversions, value_micros=value_micros)

    @staticmethod
    def of_paths(
        method: str,
        paths: Paths,
        *,
        conversions: Floats,
        value_micros: Floats,
        baseline_conversions: float = 0.0,
        baseline_value_micros: float = 0.0,
    ) -> Credit:
        """These credits of the paths' channels; what the paths could not attribute stays so."""
        return Credit(
            method=method,
            channels=paths.channels,
            conversions=conversions,
            value_micros=value_micros,
            unattributed_conversions=paths.unattributed_conversions,
            unattributed_value_micros=paths.unattributed_value_micros,
            baseline_conversions=baseline_conversions,
            baseline_value_micros=baseline_value_micros,
        )

    def listed(self, others: Iterable[str]) -> list[str]:
        """The channels of the credit and others (those that cost something), in alphabetical order."""
        return sorted({*self.channels, *others})

    def spread(self, amount: Floats, others: Iterable[str], missing: float = 0.0) -> Floats:
        """Amounts per channel [n_channels] in the order of `listed(others)`; `missing` where the credit has no channel."""
        given = dict(zip(self.channels, amount, strict=True))
        return np.array([given.get(channel, missing) for channel in self.listed(others)], dtype=np.float64)

    def to_frame(self) -> pd.DataFrame:
        """One row per channel: `channel, method, conversions, value` (currency units), and bounds."""
        import pandas as pd

        columns: dict[str, Any] = {
            "channel": self.channels,
            "method": self.method,
            "conversions": self.conversions,
            "value": self.value_micros / MICROS,
        }
        if self.interval is not None:
            columns |= {
                "conversions_lower": self.interval.conversions_lower,
                "conversions_upper": self.interval.conversions_upper,
                "value_lower": self.interval.value_micros_lower / MICROS,
                "value_upper": self.interval.value_micros_upper / MICROS,
            }
        return pd.DataFrame(columns)

    def summary(self) -> str:
        """Who leads, and what is credited to nobody, in plain sentences."""
        credited = float(self.conversions.sum())
        text = f"{self.method} credits {credited:z,.1f} conversions"
        if credited > 0:
            top = int(np.argmax(self.conversions))
            text += f", most of them to {self.channels[top]} ({self.conversions[top]:z,.1f}"
            if self.interval is not None:
                low, high = self.interval.conversions_lower[top], self.interval.conversions_upper[top]
                text += f", {self.interval.level:.0%} interval {low:z,.1f} to {high:z,.1f}"
            text += ")"
        text += f"; {self.unattributed_conversions:z,.1f} conversions had no touch"
        if self.baseline_conversions < 0:
            text += (
                f", and {-self.baseline_conversions:z,.1f} more conversions are credited than there were: the credits of "
                "channels that were tested and of those that were not cannot both be right"
            )
        elif self.baseline_conversions:
            text += f", and {self.baseline_conversions:z,.1f} would have happened without ads"
        if self.duplicate_conversions:
            text += f"; {self.duplicate_conversions:z,.1f} of the credits are for conversions credited already"
        return f"{text}; {self.note}." if self.note else f"{text}."
