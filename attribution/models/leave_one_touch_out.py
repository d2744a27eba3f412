"""Leave one touch out: each touch gets what its path's conversion rate loses when that one touch is taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attribution.credit import Credit
from attribution.paths.paths import Paths
from attribution.paths.ragged import Codes, Floats
from cpalab.plugins import NameWithParameters


@dataclass(frozen=True)
class LeaveOneTouchOut:
    """share_i ∝ max(0, p(path) - p(path without its touch i)), p: share of journeys with exactly this path that convert.

    A path that nobody had has p = 0; where no touch loses anything, the last gets all; a path of one touch is its own. Order
    counts, and so does every repetition. On real data most shortened long paths were never seen, so their touches share
    alike whatever they did: read it beside `markov`.

    Source: Google, fractribution (2020), `_get_counterfactual_marginal_contributions` with normalisation.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("leave_one_touch_out")

    def fit(self, paths: Paths) -> FittedLeaveOneTouchOut:
        """Count conversions and journeys of every path."""
        journeys = paths.conversions + paths.nulls
        whole: dict[bytes, float] = {}
        converted: dict[bytes, float] = {}
        for key, conversions, all_of_them in zip(_keys(paths), paths.conversions, journeys, strict=True):
            whole[key] = whole.get(key, 0.0) + all_of_them
            converted[key] = converted.get(key, 0.0) + conversions
        rate = {key: converted[key] / whole[key] for key in whole if whole[key] > 0}
        return FittedLeaveOneTouchOut(self.name, paths.channels, rate)


@dataclass(frozen=True, eq=False)
class FittedLeaveOneTouchOut:
    """The conversion rates.

    Attributes:
        name: the method's name.
        channels: channel names whose places the paths in `rate` are written in.
        rate: share of journeys that convert, by path (the bytes of its places as 32-bit integers).
    """

    name: str
    channels: tuple[str, ...]
    rate: dict[bytes, float]

    def touch_shares(self, paths: Paths) -> Floats:
        """The share of its path that each touch gets [n_touches]; shares of a path sum to 1."""
        place = {name: code for code, name in enumerate(self.channels)}
        places = np.array([place.get(name, -1) for name in paths.channels], dtype=np.int32)[paths.codes]
        shares = np.zeros(len(places))
        for start, end in zip(paths.offsets[:-1].tolist(), paths.offsets[1:].tolist(), strict=True):
            if end - start == 1:
                shares[start] = 1.0
                continue
            whole = places[start:end].tobytes()
            rate = self.rate.get(whole, 0.0)
            lost = [
                max(0.0, rate - self.rate.get(whole[: 4 * i] + whole[4 * i + 4 :], 0.0)) for i in range(end - start)
            ]
            total = sum(lost)
            if total > 0:
                shares[start:end] = np.array(lost) / total
            else:
                shares[end - 1] = 1.0
        return shares

    def credit(self, paths: Paths) -> Credit:
        """Each channel's conversions and value: the sum over its touches of share × path total."""
        return Credit.from_touch_shares(self.name, paths, self.touch_shares(paths))


def _keys(paths: Paths) -> list[bytes]:
    codes: Codes = np.asarray(paths.codes, dtype=np.int32)
    return [
        codes[start:end].tobytes()
        for start, end in zip(paths.offsets[:-1].tolist(), paths.offsets[1:].tolist(), strict=True)
    ]
