"""Two Shapley games whose coalitions are worth what journeys of exactly these channels did; for comparison only."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attribution.models.shapley.channel_sets import ChannelSets, FittedOnSets
from attribution.models.shapley.coalitions import all_coalitions, exact_shapley
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError

MOST_CHANNELS = 14  # of one set: 2^14 coalitions


@dataclass(frozen=True)
class ExactSets:
    """share_i(S) = φ_i / v(S), the Shapley value of the game among the channels of S, for every set S that converted.

    v(T) is measured on journeys whose channels are exactly T, and 0 where T never converted. So a channel that joins a set
    which converts better without it has a negative marginal worth, and shares may be negative: of "search alone" 5 %, and
    "search + display" 2 %, display gets less than nothing, although people with display differ in more than the display they
    saw. `shapley` counts the journeys inside T instead and cannot go negative.

    Raises:
        InvalidInputError: on `fit`, if a converting set has more than 14 channels.
    """

    def fit(self, paths: Paths) -> FittedExactSets:
        """The worth of every set that converted."""
        sets = ChannelSets.of_paths(paths)
        largest = int(sets.members[sets.conversions > 0].sum(axis=1).max(initial=0))
        if largest > MOST_CHANNELS:
            raise InvalidInputError(
                [f"paths: a journey has {largest} channels, 2^{largest} coalitions; at most {MOST_CHANNELS} are solved"]
            )
        worth = {
            frozenset(np.array(sets.channels)[row].tolist()): value
            for row, value, conversions in zip(sets.members, self.worth(sets).tolist(), sets.conversions, strict=True)
            if conversions > 0
        }
        return FittedExactSets(str(getattr(self, "name", "")), worth)

    @abstractmethod
    def worth(self, sets: ChannelSets) -> Floats:
        """What every set is worth [n_sets]."""


@dataclass(frozen=True)
class ExactSetsRate(ExactSets):
    """v(T) = share of journeys with exactly the channels T that convert; the game of DP6's `conv_rate`.

    DP6 cuts sets to the last four names of the alphabet (`size=4`); here no set is cut.

    Source: DP6, Marketing-Attribution-Models 1.0 and 2.1 (Apache-2.0), `attribution_shapley(values_col="conv_rate")`.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("shapley_exact_rate")

    def worth(self, sets: ChannelSets) -> Floats:
        """Conversions ÷ journeys of every set [n_sets]."""
        journeys = sets.conversions + sets.nulls
        return np.divide(sets.conversions, journeys, out=np.zeros(len(journeys)), where=journeys > 0)


@dataclass(frozen=True)
class ExactSetsConversions(ExactSets):
    """v(T) = conversions of journeys with exactly the channels T; the game of DP6's `conversions`.

    Source: DP6, Marketing-Attribution-Models 1.0 and 2.1 (Apache-2.0), `attribution_shapley(values_col="conversions")`.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("shapley_exact_conversions")

    def worth(self, sets: ChannelSets) -> Floats:
        """Conversions of every set [n_sets]."""
        return sets.conversions


@dataclass(frozen=True, eq=False)
class FittedExactSets(FittedOnSets):
    """The worth of sets.

    Attributes:
        method: the method's name.
        worth: worth of every set that converted, by the names in it; all others are worth 0.
    """

    method: str
    worth: dict[frozenset[str], float]

    @property
    def name(self) -> str:
        """The method's name."""
        return self.method

    def set_shares(self, sets: ChannelSets) -> Floats:
        """φ_i / v(S) for every channel of every set [n_sets, n_channels]; equal parts where v(S) = 0. May be negative."""
        names = np.array(sets.channels, dtype=object)
        shares = np.zeros(sets.members.shape)
        for row, members in enumerate(sets.members):
            inside = np.flatnonzero(members)
            whole = self.worth.get(frozenset(names[inside].tolist()), 0.0)
            if not whole:
                shares[row, inside] = 1 / max(len(inside), 1)
                continue
            coalitions = all_coalitions(len(inside))
            worth = [self.worth.get(frozenset(names[inside[picked]].tolist()), 0.0) for picked in coalitions]
            shares[row, inside] = exact_shapley(np.array(worth)) / whole
        return shares
