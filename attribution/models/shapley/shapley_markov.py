"""Shapley values of the Markov removal game, in conversions: who is missed, over every order of removal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from attribution.credit import Credit
from attribution.models.markov.markov import proportional_credit
from attribution.models.markov.markov_chain import Chain
from attribution.models.shapley.coalitions import EXACT_PLAYERS, all_coalitions, exact_shapley, sampled_shapley
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ShapleyMarkov:
    """credit(c) = conversions × φ_c / Σ φ; φ are the Shapley values of v(S) = P(conversion | only S remains).

    P is that of the chain fitted to all journeys, where every transition into a channel outside S leads to
    "no conversion". `Markov` looks at the last removal only, v(all) - v(all but c), and has to normalise what
    these do not share out; φ sums to v(all) by itself. It is never negative. For value, P is the expected
    value per journey.

    Attributes:
        order: how many of the latest touches the next step depends on.
        exact_channels: with up to so many channels all 2^n subsets are solved; with more, orders of removal
            are sampled.
        pairs: how many pairs of random orders are sampled then.
        seed: the seed of these orders.

    Source: Singal, Besbes, Desir, Goyal & Iyengar (2022), Shapley meets uniform: an axiomatic framework for
    attribution in online advertising, Management Science 68(10), the Shapley value of their Markov chain.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("shapley_markov")
    order: int = 1
    exact_channels: int = 10
    pairs: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse limits out of range."""
        problems = []
        if self.order < 1:
            problems.append(f"order: {self.order} must be at least 1, the latest touch")
        if not 1 <= self.exact_channels <= EXACT_PLAYERS:
            problems.append(f"exact_channels: {self.exact_channels} must lie between 1 and {EXACT_PLAYERS}")
        if self.pairs < 2:
            problems.append(f"pairs: {self.pairs} must be at least 2, for an error bar")
        if self.seed < 0:
            problems.append(f"seed: {self.seed} must be zero or more")
        if problems:
            raise InvalidInputError(problems)

    def drawn(self, rng: np.random.Generator) -> Self:
        """The model with another seed, so that intervals hold the error of sampling."""
        return replace(self, seed=int(rng.integers(2**31)))

    def fit(self, paths: Paths) -> FittedShapleyMarkov:
        """Estimate the chain and solve its game of removal."""
        chain = Chain.of_paths(paths, self.order)
        # Who never was in a journey plays no part, and must not cost coalitions.
        players = np.unique(paths.codes).astype(np.int64)
        values, errors = np.zeros((2, len(paths.channels))), np.zeros((2, len(paths.channels)))
        if len(players) <= self.exact_channels:
            values[:, players] = exact_shapley(chain.outcome_with(players, all_coalitions(len(players)))).T
        else:
            rng = np.random.default_rng(self.seed)
            worth = partial(chain.outcome_with, players)
            values[:, players], errors[:, players] = (
                found.T for found in sampled_shapley(worth, len(players), self.pairs, rng)
            )
        values[values < 1e-12 * values.sum(axis=1, keepdims=True)] = 0  # what rounding leaves of no effect
        return FittedShapleyMarkov(self, chain, values[0], values[1], errors[0])


@dataclass(frozen=True, eq=False)
class FittedShapleyMarkov:
    """The fitted chain and its Shapley values.

    Attributes:
        model: what was fitted.
        chain: the chain, with every transition probability.
        shapley: φ of each channel in P(conversion) [n_channels]; they sum to it.
        shapley_on_value: φ of each channel in expected value in micros per journey [n_channels].
        sampling_error: standard error of `shapley` from sampling orders [n_channels]; 0 if solved exactly.
    """

    model: ShapleyMarkov
    chain: Chain
    shapley: Floats
    shapley_on_value: Floats
    sampling_error: Floats

    def credit(self, paths: Paths) -> Credit:
        """Hand out the conversions and value of `paths` in proportion to the Shapley values.

        Raises:
            InvalidInputError: if there are conversions to credit, but none of their channels had an effect
                when fitted.
        """
        return proportional_credit(self.model.name, self.chain, paths, self.shapley, self.shapley_on_value)

    def to_frame(self) -> pd.DataFrame:
        """One row per channel: `channel, shapley, sampling_error` in P(conversion)."""
        import pandas as pd

        return pd.DataFrame(
            {
                "channel": self.chain.channels,
                "shapley": self.shapley,
                "sampling_error": self.sampling_error,
            }
        )
