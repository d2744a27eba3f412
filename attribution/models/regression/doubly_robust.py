"""Propensity-adjusted incremental credit: conversions a channel added among those it reached."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attribution.models.regression.logistic import Logistic
from attribution.models.shapley.channel_sets import ChannelSets, FittedOnSets
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DoublyRobust:
    """credit_c = Σ over journeys with c of (y - m(x)) - their number × weighted mean without c of (y - m(x)).

    x are the other channels of the journey, m(x) = P(conversion | x, without c) and the weights of journeys
    without c are e(x) / (1 - e(x)) with the propensity e(x) = P(c | x); both are logistic regressions. This
    is the doubly robust estimate of the effect on those reached: right if either m or e is, and if nothing
    but x decides who meets c (no hidden targeting). Each channel is judged with the others in place, so
    credits need not add up to what all ads together added; what they leave of the conversions is baseline.
    Channels that c itself brings about are held fixed: use `UpstreamDataDriven` where that matters.

    Journeys with c alone have a counterpart among people without any touch only: without `untouched_nulls`
    what they would have done is extrapolated from journeys with other channels.

    On other paths a channel gets the same share of the conversions of paths with it.

    Attributes:
        propensity_limit: propensities are cut off at this distance from 0 and 1, against runaway weights.
        untouched_nulls: people without any touch who did not convert, where they can be counted; with the
            conversions that had no touch they are journeys without c.

    Source: Robins, Rotnitzky & Zhao (1994), J. of the American Statistical Association 89(427); on those
    reached: Mercatanti & Li (2014), Annals of Applied Statistics 8(4); for attribution: Dalessandro et al.
    (2012), Causally motivated attribution for online advertising, ADKDD.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("doubly_robust")
    propensity_limit: float = 0.01
    untouched_nulls: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits out of range."""
        problems = []
        if not 0 < self.propensity_limit < 0.5:
            problems.append(f"propensity_limit: {self.propensity_limit} must lie between 0 and 0.5")
        if self.untouched_nulls is not None and not 0 <= self.untouched_nulls < math.inf:
            problems.append(f"untouched_nulls: {self.untouched_nulls} must be a count, zero or more")
        if problems:
            raise InvalidInputError(problems)

    def fit(self, paths: Paths) -> FittedDoublyRobust:
        """Estimate every channel's effect on the journeys that hold it.

        Raises:
            InvalidInputError: if every journey holds a channel: then nothing tells what happens without it.
        """
        sets = ChannelSets.of_paths(paths)
        members, won, lost = sets.members, sets.conversions, sets.nulls
        if self.untouched_nulls is not None:
            members = np.vstack([members, np.zeros(members.shape[1], dtype=np.bool_)])
            won = np.append(won, paths.unattributed_conversions)
            lost = np.append(lost, float(self.untouched_nulls))
        journeys = won + lost
        reached = journeys @ members
        never_without = [
            f"paths: every journey holds {name!r}, so that nothing tells what happens without it"
            for name, count in zip(paths.channels, reached, strict=True)
            if journeys.any() and count == journeys.sum()
        ]
        if never_without:
            raise InvalidInputError(never_without)
        added = np.array(
            [
                self._added(np.delete(members, channel, axis=1), members[:, channel], won, lost)
                if reached[channel]
                else 0.0
                for channel in range(len(paths.channels))
            ]
        )
        return FittedDoublyRobust(self, paths.channels, reached, won @ members, added)

    def _added(self, others: np.ndarray, has: np.ndarray, won: Floats, lost: Floats) -> float:
        """The conversions a channel added among the journeys that have it."""
        journeys, features = won + lost, others.astype(np.float64)
        expected = Logistic.fit(features[~has], won[~has], lost[~has]).predict(features)
        propensity = Logistic.fit(features, journeys * has, journeys * ~has).predict(features)
        propensity = np.clip(propensity, self.propensity_limit, 1 - self.propensity_limit)
        surprise = won - journeys * expected
        weight = np.where(has, 0, propensity / (1 - propensity))
        left = (weight @ surprise) / (weight @ journeys)
        return float(surprise[has].sum() - journeys[has].sum() * left)


@dataclass(frozen=True, eq=False)
class FittedDoublyRobust(FittedOnSets):
    """Incremental conversions of each channel.

    Attributes:
        model: what was fitted.
        channels: channel names [n_channels].
        journeys: journeys that hold the channel [n_channels].
        conversions: their conversions [n_channels].
        incremental_conversions: those that the channel added [n_channels].
    """

    model: DoublyRobust
    channels: tuple[str, ...]
    journeys: Floats
    conversions: Floats
    incremental_conversions: Floats

    @property
    def name(self) -> str:
        """The method's name."""
        return self.model.name

    def set_shares(self, sets: ChannelSets) -> Floats:
        """Incremental conversions / conversions of each channel, in every set that has it."""
        share = np.divide(
            self.incremental_conversions,
            self.conversions,
            out=np.zeros(len(self.channels)),
            where=self.conversions > 0,
        )
        shares: Floats = sets.members * np.append(share, 0)[sets.places_in(self.channels)]
        return shares

    def to_frame(self) -> pd.DataFrame:
        """One row per channel: `channel, journeys, conversions, incremental_conversions`."""
        import pandas as pd

        return pd.DataFrame(
            {
                "channel": self.channels,
                "journeys": self.journeys,
                "conversions": self.conversions,
                "incremental_conversions": self.incremental_conversions,
            }
        )
