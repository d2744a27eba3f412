"""Poisson intensity, backwards elimination: what the rate of conversion (per day) loses with each touch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attribution.credit import Credit
from attribution.models.regression.journey_shares import credit_of_journey_shares, journeys_of
from attribution.models.regression.observed_states import observed_states
from attribution.models.regression.poisson import Poisson
from attribution.paths.journeys import Journeys
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from attribution.paths.settings import PathSettings
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError
from cpalab.result import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PoissonIntensity:
    """share(touch i) = (λ(touches 1..i) - λ(touches 1..i-1)) / λ(all), all λ at the moment of conversion.

    λ(t) = exp(α + Σ over channels of β(channel, age of its latest touch)) conversions per day, with one β per
    step of age (`age_days`) and none beyond the last. λ without touches, exp(α), is baseline. Conversions
    come as a Poisson process of a person's whole time under observation since the first touch, so people
    observed for a day only, and late data, need no special care; a touch goes on working after a conversion.
    Taking touches away from the last one back credits each with what it added to those before it, which
    favours neither end by rule. Shares may be negative.

    Build paths with `path_settings()`. Touches outside every journey are unknown to it, and touches that
    brought nothing within a lookback are just those: leaving them out overstates every effect. Old touches
    get no credit anyway.

    Attributes:
        age_days: where the steps of age end, in days.

    Source: Shender, Nasiri Amini, Bao, Dikmen, Richardson & Wang (2023), A time to event framework for
    multi-touch attribution, J. of Data Science, arXiv:2009.08432.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("poisson_intensity")
    age_days: tuple[float, ...] = (1.0, 7.0, 30.0)

    def __post_init__(self) -> None:
        """Refuse steps that do not rise."""
        edges = np.array(self.age_days, dtype=np.float64)
        if not len(edges) or not (np.diff(edges, prepend=0) > 0).all() or not np.isfinite(edges).all():
            raise InvalidInputError([f"age_days: {self.age_days} must rise from above 0; (1, 7, 30) is usual"])

    def path_settings(self) -> PathSettings:
        """Settings that leave every touch and every person in the paths."""
        return PathSettings(lookback_days=math.inf, after_conversion="new_journey", nulls="all")

    def fit(self, paths: Paths) -> FittedPoissonIntensity:
        """Estimate the intensity from all time under observation.

        Raises:
            InvalidInputError: if the paths hold counts only, without times.
        """
        edges = np.array(self.age_days)
        state, events, days = observed_states(journeys_of(paths), edges)
        steps = len(edges)
        # One feature per channel and step of age: whether the channel's latest touch is of that age.
        size = (len(state), state.shape[1] * steps)
        features = (state[:, :, None] == np.arange(steps)).reshape(size).astype(np.float64)
        fitted = Poisson.fit(features, events, days)
        effects = fitted.effects.reshape(len(paths.channels), steps)
        return FittedPoissonIntensity(paths.channels, edges, fitted.intercept, effects, self)


@dataclass(frozen=True, eq=False)
class FittedPoissonIntensity(Result):
    """The fitted intensity.

    Attributes:
        channels: channel names [n_channels].
        age_days: where the steps of age end [n_steps].
        intercept: α, logarithm of the conversions per day without any touch.
        effects: β of each channel and step of age [n_channels, n_steps].
        model: what was fitted.
    """

    channels: tuple[str, ...]
    age_days: Floats
    intercept: float
    effects: Floats
    model: PoissonIntensity = PoissonIntensity()

    def journey_shares(self, journeys: Journeys) -> Floats:
        """The share of its journey that each touch gets [n_touches]; the rest of 1 is baseline."""
        if np.isneginf(self.intercept) or not len(journeys.channel):
            return np.zeros(len(journeys.channel))
        place = {name: code for code, name in enumerate(self.channels)}
        known = np.array([place.get(name, -1) for name in journeys.channels], dtype=np.int64)
        table = np.zeros((len(self.channels) + 1, len(self.age_days) + 1))
        table[:-1, :-1] = self.effects
        step = np.searchsorted(self.age_days, journeys.age_days, side="right")
        effect = table[known[journeys.channel], step]
        # With touch i, its channel's latest touch is i instead of the one before: the effect changes hands.
        journey = journeys.journey
        order = np.lexsort((np.arange(len(effect)), journeys.channel, journey))
        same = (np.diff(journey[order]) == 0) & (np.diff(journeys.channel[order]) == 0)
        change = effect[order]
        change[1:] -= np.where(same, effect[order][:-1], 0)
        added = np.empty_like(change)
        added[order] = change
        running = np.cumsum(added)
        start = np.append(0, running)[journeys.offsets[:-1]][journey]
        with_touch = running - start  # logarithm of λ(touches 1..i) - α
        end = np.append(0, running)[journeys.offsets[1:]][journey] - start
        shares: Floats = np.exp(with_touch - end) - np.exp(with_touch - added - end)
        return shares

    def credit(self, paths: Paths) -> Credit:
        """Each channel's conversions and value, and the baseline."""
        shares = self.journey_shares(journeys_of(paths))
        return credit_of_journey_shares(self.model.name, paths, shares)

    def to_frame(self) -> pd.DataFrame:
        """One row per channel and step of age: `channel, from_days, to_days, rate_ratio`."""
        import pandas as pd

        channels, steps = self.effects.shape
        return pd.DataFrame(
            {
                "channel": np.repeat(np.array(self.channels, dtype=object), steps),
                "from_days": np.tile(np.append(0, self.age_days[:-1]), channels),
                "to_days": np.tile(self.age_days, channels),
                "rate_ratio": np.exp(self.effects).ravel(),
            }
        )

    def summary(self) -> str:
        """The rate without touches."""
        return f"Without any touch a person would convert {np.exp(self.intercept):.3g} times a day."
