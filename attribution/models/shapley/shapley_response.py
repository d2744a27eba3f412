"""Shapley values of a fitted response model: of all conversions, or of those that ads added (incremental)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from attribution.models.regression.logistic import Logistic, probability
from attribution.models.shapley.channel_sets import ChannelSets, FittedOnSets, equal_shares
from attribution.models.shapley.coalitions import EXACT_PLAYERS, all_coalitions, exact_shapley, sampled_shapley
from attribution.paths.paths import Paths
from attribution.paths.ragged import Bools, Floats
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError
from cpalab.result import Result

if TYPE_CHECKING:
    import pandas as pd

CELLS = 4_000_000  # coalitions × sets worked on at once


@dataclass(frozen=True)
class ShapleyResponse:
    """share_c(S) = φ_c / f(S): Shapley values of the game v(T) = f(T) on the channels S of a path.

    f(T) = P(conversion | a journey with the channels T), a logistic regression on which channels a journey
    holds, fitted to all journeys, converting or not. No cell is missing, however rare the set. v(none) is 0,
    so all conversions are handed out. A channel that lowers f gets less than nothing.

    Attributes:
        exact_channels: paths of up to so many channels are solved exactly; longer ones are sampled, and
            `sampling_error` says how much that blurs the credit.
        pairs: how many pairs of random orders are sampled for such a path.
        seed: the seed of these orders.
        untouched_nulls: people without any touch who did not convert, where they can be counted. With the
            conversions that had no touch they show f(none), which is extrapolated without them.

    Source: Du, Zhong, Nair, Cui & Shou (2019), Causally driven incremental multi-touch attribution using a
    recurrent neural network, arXiv:1902.00215, with a logistic response.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("shapley_response")
    incremental: ClassVar[bool] = False
    exact_channels: int = 12
    pairs: int = 200
    seed: int = 0
    untouched_nulls: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits out of range."""
        problems = []
        if not 1 <= self.exact_channels <= EXACT_PLAYERS:
            problems.append(f"exact_channels: {self.exact_channels} must lie between 1 and {EXACT_PLAYERS}")
        if self.pairs < 2:
            problems.append(f"pairs: {self.pairs} must be at least 2, for an error bar")
        if self.seed < 0:
            problems.append(f"seed: {self.seed} must be zero or more")
        if self.untouched_nulls is not None and not 0 <= self.untouched_nulls < math.inf:
            problems.append(f"untouched_nulls: {self.untouched_nulls} must be a count, zero or more")
        if problems:
            raise InvalidInputError(problems)

    def drawn(self, rng: np.random.Generator) -> Self:
        """The model with another seed, so that intervals hold the error of sampling."""
        return replace(self, seed=int(rng.integers(2**31)))

    def fit(self, paths: Paths) -> FittedShapleyResponse:
        """Fit the response to all journeys.

        Raises:
            InvalidInputError: if every journey converted: then nothing tells what converts them.
        """
        response = fit_response(ChannelSets.of_paths(paths), paths.unattributed_conversions, self.untouched_nulls)
        return FittedShapleyResponse(self, paths.channels, response)


@dataclass(frozen=True)
class ShapleyIncremental(ShapleyResponse):
    """share_c(S) = φ_c / f(S), as `ShapleyResponse` but for v(none) = f(none): f(all) - f(none) is allocated.

    What f(none) explains of a path's conversions is baseline: they would have come without ads. That is an
    extrapolation unless `untouched_nulls` is given; it is causal only if f is, that is, if nothing but
    channels makes their journeys convert differently.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("shapley_incremental")
    incremental: ClassVar[bool] = True


def fit_response(sets: ChannelSets, untouched_conversions: float, untouched_nulls: float | None) -> Logistic:
    """P(conversion) by the channels of a journey, with people without touches where they are known."""
    members, won, lost = sets.members.astype(np.float64), sets.conversions, sets.nulls
    if untouched_nulls is not None:
        members = np.vstack([members, np.zeros(members.shape[1])])
        won, lost = np.append(won, untouched_conversions), np.append(lost, float(untouched_nulls))
    else:
        sets.require_nulls()
    return Logistic.fit(members, won, lost)


@dataclass(frozen=True, eq=False)
class FittedShapleyResponse(FittedOnSets, Result):
    """The fitted response, ready to be shared out.

    Attributes:
        model: what was fitted.
        channels: channel names [n_channels].
        response: P(conversion) by channels.
    """

    model: ShapleyResponse
    channels: tuple[str, ...]
    response: Logistic

    @property
    def name(self) -> str:
        """The method's name."""
        return self.model.name

    def set_shares(self, sets: ChannelSets) -> Floats:
        """Φ_c / f(S) of every set [n_sets, n_channels]."""
        return self._shares(sets)[0]

    def sampling_error(self, paths: Paths) -> Floats:
        """The standard error of each channel's conversions that sampling leaves [n_channels].

        0 where every path was solved exactly.
        """
        sets = ChannelSets.of_paths(paths)
        errors = self._shares(sets)[1]
        return np.asarray(np.sqrt(sets.conversions**2 @ errors**2))

    def to_frame(self) -> pd.DataFrame:
        """One row per channel: `channel, log_odds, probability_alone` of the response."""
        import pandas as pd

        effects = self.response.effects
        return pd.DataFrame(
            {
                "channel": self.channels,
                "log_odds": effects,
                "probability_alone": probability(self.response.intercept + effects),
            }
        )

    def summary(self) -> str:
        """What the response says of journeys without ads."""
        none = float(probability(np.array(self.response.intercept)))
        return f"{self.name}: a journey without any channel would convert with probability {none:.4g}."

    def _shares(self, sets: ChannelSets) -> tuple[Floats, Floats]:
        """The shares and their standard errors, both [n_sets, n_channels]."""
        effects = np.append(self.response.effects, 0.0)[sets.places_in(self.channels)]
        shares, errors = equal_shares(sets.members), np.zeros(sets.members.shape)
        if np.isneginf(self.response.intercept):
            return shares, errors
        size = sets.members.sum(axis=1)
        for channels in np.unique(size):
            rows = np.flatnonzero(size == channels)
            inside = np.nonzero(sets.members[rows])[1].reshape(len(rows), channels)
            solve = self._exact if channels <= self.model.exact_channels else self._sampled
            shares[rows[:, None], inside], errors[rows[:, None], inside] = solve(effects[inside])
        return shares, errors

    def _exact(self, effects: Floats) -> tuple[Floats, Floats]:
        """Solve the games of sets of one size; effects are [n_sets, n_members]."""
        coalitions = all_coalitions(effects.shape[1])
        shares = np.empty_like(effects)
        chunk = max(CELLS // len(coalitions), 1)
        for start in range(0, len(effects), chunk):
            some = effects[start : start + chunk]
            worth = probability(self.response.intercept + coalitions @ some.T)
            everyone = worth[-1].copy()
            worth[0] = worth[0] if self.model.incremental else 0.0
            shares[start : start + chunk] = (exact_shapley(worth) / everyone).T
        return shares, np.zeros_like(effects)

    def _sampled(self, effects: Floats) -> tuple[Floats, Floats]:
        """Sample the games of sets of one size; every set has orders of its own."""
        rngs = np.random.default_rng(self.model.seed).spawn(len(effects))
        found = [
            sampled_shapley(self._worth(own), len(own), self.model.pairs, rng)
            for own, rng in zip(effects, rngs, strict=True)
        ]
        everyone = probability(self.response.intercept + effects.sum(axis=1))[:, None]
        return np.array([v for v, _ in found]) / everyone, np.array([e for _, e in found]) / everyone

    def _worth(self, effects: Floats) -> Callable[[Bools], Floats]:
        def worth(coalitions: Bools) -> Floats:
            converts = probability(self.response.intercept + coalitions @ effects)
            return converts if self.model.incremental else np.where(coalitions.any(axis=1), converts, 0.0)

        return worth
