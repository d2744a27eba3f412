"""Bagged logistic regression: log odds of conversion per channel, averaged over subsets of the channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from attribution.models.regression.logistic import Logistic
from attribution.models.shapley.channel_sets import ChannelSets, FittedOnSets, equal_shares
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class BaggedLogistic:
    """share_c = max(β_c, 0) / Σ max(β, 0) over the channels of the path; β_c averages regressions with c.

    Every regression explains conversion by which channels of a random half a journey holds; leaving channels
    out keeps those that come together from trading their effects. Where there are few enough halves, all
    are taken, which is what random ones aim at. A channel that lowers the odds gets nothing, and `to_frame`
    shows that it was cut off; where no channel of a path raises them, all share equally.

    Attributes:
        channel_share: share of the channels in each regression.
        people_share: share of people in each regression, drawn without replacement; 1 takes all, for the
            spread over people is what a bootstrap interval is for. The paper draws half.
        models: how many regressions at most.
        seed: the seed of what is drawn.

    Source: Shao & Li (2011), Data-driven multi-touch attribution models, KDD, section 3.1.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("bagged_logistic")
    channel_share: float = 0.5
    people_share: float = 1.0
    models: int = 300
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        problems = [
            f"{word}: {share} must be a share above 0, at most 1"
            for word, share in (("channel_share", self.channel_share), ("people_share", self.people_share))
            if not 0 < share <= 1
        ]
        if self.models < 1:
            problems.append(f"models: {self.models} must be at least 1")
        if self.seed < 0:
            problems.append(f"seed: {self.seed} must be zero or more")
        if problems:
            raise InvalidInputError(problems)

    def drawn(self, rng: np.random.Generator) -> Self:
        """The model with another seed, so that intervals hold the error of sampling."""
        return replace(self, seed=int(rng.integers(2**31)))

    def fit(self, paths: Paths) -> FittedBaggedLogistic:
        """Fit a regression to every subset of the channels.

        Raises:
            InvalidInputError: if every journey converted: then nothing tells what converts them.
        """
        sets = ChannelSets.of_paths(paths)
        sets.require_nulls()
        members = sets.members.astype(np.float64)
        seen = np.flatnonzero(sets.members.any(axis=0))
        rng = np.random.default_rng(self.seed)
        found: list[list[float]] = [[] for _ in paths.channels]
        for subset in self._subsets(len(seen), rng):
            columns = seen[list(subset)]
            won, lost = self._people(sets.conversions, rng), self._people(sets.nulls, rng)
            fitted = Logistic.fit(members[:, columns], won, lost)
            for column, effect in zip(columns, fitted.effects, strict=True):
                found[column].append(float(effect))
        return FittedBaggedLogistic(
            self,
            paths.channels,
            np.array([np.mean(effects) if effects else 0.0 for effects in found]),
            np.array([np.std(effects) if effects else 0.0 for effects in found]),
        )

    def _subsets(self, channels: int, rng: np.random.Generator) -> Iterable[Sequence[int]]:
        """The subsets of channels: each the same number of times if everybody is in all of them."""
        size = max(round(self.channel_share * channels), 1)
        if self.people_share == 1 and comb(channels, size) <= self.models:
            return combinations(range(channels), size) if channels else ()
        return (rng.choice(channels, size, replace=False).tolist() for _ in range(self.models))

    def _people(self, counts: Floats, rng: np.random.Generator) -> Floats:
        if self.people_share == 1:
            return counts
        return rng.binomial(np.rint(counts).astype(np.int64), self.people_share).astype(np.float64)


@dataclass(frozen=True, eq=False)
class FittedBaggedLogistic(FittedOnSets):
    """The averaged effects.

    Attributes:
        model: what was fitted.
        channels: channel names [n_channels].
        log_odds: mean effect of each channel over the regressions it was in [n_channels].
        spread: their standard deviation, the paper's measure of variability [n_channels].
    """

    model: BaggedLogistic
    channels: tuple[str, ...]
    log_odds: Floats
    spread: Floats

    @property
    def name(self) -> str:
        """The method's name."""
        return self.model.name

    def set_shares(self, sets: ChannelSets) -> Floats:
        """The shares of every set [n_sets, n_channels]; equal parts where no effect is positive."""
        effect = np.append(np.maximum(self.log_odds, 0), 0)[sets.places_in(self.channels)]
        weight = sets.members * effect
        total = weight.sum(axis=1, keepdims=True)
        scaled = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
        return np.where(total > 0, scaled, equal_shares(sets.members))

    def to_frame(self) -> pd.DataFrame:
        """One row per channel: `channel, log_odds, spread, cut_off` (True if negative)."""
        import pandas as pd

        return pd.DataFrame(
            {
                "channel": self.channels,
                "log_odds": self.log_odds,
                "spread": self.spread,
                "cut_off": self.log_odds < 0,
            }
        )
