"""The simple probabilistic model: conversion probabilities of channels and of their pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attribution.models.shapley.channel_sets import ChannelSets, FittedOnSets, equal_shares
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.plugins import NameWithParameters

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SimpleProbabilistic:
    """share_i = C_i / Σ C over the channels of the path, where C_i = p(i) + mean over j of gain(i, j) / 2.

    p(i) is the share of journeys with channel i that convert, gain(i, j) = p(i, j) - p(i) - p(j), and j runs
    over the path's other channels, as far as they were ever seen together with i. C is the score of the
    paper; scores of a path do not sum to its conversions, so they are scaled to (`scores` returns them as
    they are). A score may be negative.

    Source: Shao & Li (2011), Data-driven multi-touch attribution models, KDD, equations 1 to 3.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("simple_probabilistic")

    def fit(self, paths: Paths) -> FittedSimpleProbabilistic:
        """Count the journeys with each channel and each pair, converting or not."""
        sets = ChannelSets.of_paths(paths)
        members = sets.members.astype(np.float64)
        won = (members * sets.conversions[:, None]).T @ members
        all_journeys = (members * (sets.conversions + sets.nulls)[:, None]).T @ members
        rate = np.divide(won, all_journeys, out=np.zeros_like(won), where=all_journeys > 0)
        return FittedSimpleProbabilistic(paths.channels, rate, all_journeys > 0)


@dataclass(frozen=True, eq=False)
class FittedSimpleProbabilistic(FittedOnSets):
    """Conversion probabilities.

    Attributes:
        channels: channel names [n_channels].
        probability: p(conversion | journey with i and j) [n_channels, n_channels]; on the diagonal p(i).
        seen: whether any journey held both [n_channels, n_channels].
    """

    channels: tuple[str, ...]
    probability: Floats
    seen: np.ndarray[tuple[int, int], np.dtype[np.bool_]]

    @property
    def name(self) -> str:
        """The method's name."""
        return SimpleProbabilistic.name

    def scores(self, paths: Paths) -> Floats:
        """Σ of C_i over conversions [n_channels], as the paper adds them up."""
        sets = ChannelSets.of_paths(paths)
        return np.asarray(sets.conversions @ self._scores(sets))

    def set_shares(self, sets: ChannelSets) -> Floats:
        """C_i / Σ C of every set [n_sets, n_channels]; equal parts where all scores are 0."""
        scores = self._scores(sets)
        total = scores.sum(axis=1, keepdims=True)
        positive = total > 1e-12
        scaled = np.divide(scores, total, out=np.zeros_like(scores), where=positive)
        return np.where(positive, scaled, equal_shares(sets.members))

    def to_frame(self) -> pd.DataFrame:
        """One row per pair seen together: `channel, other, probability`; p(i) with itself."""
        import pandas as pd

        names = np.array(self.channels, dtype=object)
        one, other = np.nonzero(np.triu(self.seen))
        return pd.DataFrame({"channel": names[one], "other": names[other], "probability": self.probability[one, other]})

    def _scores(self, sets: ChannelSets) -> Floats:
        places = sets.places_in(self.channels)
        known = np.append(np.arange(len(self.channels)), -1)[places]
        size = len(self.channels) + 1
        rate, seen = np.zeros((size, size)), np.zeros((size, size), dtype=np.bool_)
        rate[:-1, :-1], seen[:-1, :-1] = self.probability, self.seen
        rate, seen = rate[np.ix_(known, known)], seen[np.ix_(known, known)]
        alone = np.diagonal(rate).copy()
        together = seen & ~np.eye(len(alone), dtype=np.bool_)
        gain = np.where(together, rate - alone[:, None] - alone[None, :], 0)
        members = sets.members.astype(np.float64)
        others = np.maximum(members @ together, 1)
        scores: Floats = members * (alone + members @ gain / (2 * others))
        return scores
