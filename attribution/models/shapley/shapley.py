"""The Shapley value on counts in closed form, in conversions, and its split by position in the path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attribution.models.rules.rules import LinearPerChannel
from attribution.paths.paths import Paths
from attribution.paths.ragged import sum_by
from cpalab.micros import MICROS
from cpalab.plugins import NameWithParameters

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Shapley(LinearPerChannel):
    """φ_c = Σ over sets S that contain c of R(S) / |S|; R(S): conversions of paths whose channels are S.

    This is exactly the Shapley value of the game v(S) = conversions of paths that need no channel outside S.
    Non-converting paths play no part, and order plays none for a channel's total; `by_position` tells where
    in the path the credit was earned (the ordered Shapley value). All conversions are handed out: for what
    ads added, see `shapley_incremental`.

    Source: Zhao, Mahboobi & Bagheri (2018), Shapley value methods for attribution modeling in online
    advertising, arXiv:1804.05327, the simplified and the ordered method.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("shapley")

    def by_position(self, paths: Paths) -> pd.DataFrame:
        """φ_c(i) = Σ over paths of R / (|S| × touches of c), over the touches of c at position i.

        Returns:
            One row per channel and position (1 is the first touch): `channel, position, conversions, value`.
            The positions of a channel sum to its credit.
        """
        import pandas as pd

        position = np.arange(len(paths.codes)) - np.repeat(paths.offsets[:-1], paths.lengths)
        longest = int(paths.lengths.max(initial=1))
        cell, place = np.unique(paths.codes * np.int64(longest) + position, return_inverse=True)
        shares = self.touch_shares(paths)
        return pd.DataFrame(
            {
                "channel": np.array(paths.channels, dtype=object)[cell // longest],
                "position": cell % longest + 1,
                "conversions": sum_by(place, shares * np.repeat(paths.conversions, paths.lengths), len(cell)),
                "value": sum_by(place, shares * np.repeat(paths.value_micros, paths.lengths), len(cell)) / MICROS,
            }
        )
