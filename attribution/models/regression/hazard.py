"""Additive hazard: every touch adds to the rate of conversion (per day), by an amount that decays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attribution.credit import Credit
from attribution.models.regression.journey_shares import credit_of_journey_shares, journeys_of, shares_of_weights
from attribution.paths.journeys import Journeys
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats, Ints, sum_by
from attribution.paths.settings import PathSettings
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError
from cpalab.result import Result

if TYPE_CHECKING:
    import pandas as pd

SHORTEST_HALF_LIFE_DAYS, LONGEST_HALF_LIFE_DAYS = 1 / 1440, 3650.0
LONGEST_LEAP = 1e6  # times a step of EM; where steps do not bend at all, a leap would be without end


@dataclass(frozen=True)
class AdditiveHazard:
    """share(touch) = its part of the hazard at the conversion, λ(t) = Σ β_c ω_c exp(-ω_c (t - t_i)).

    The sum runs over touches i before t, of channel c. β is the number of conversions one touch brings if
    one waits for ever, ω how fast (per day). Journeys that did not convert count with their time under
    observation, touches old enough to have lost their force with nearly nothing: so channels are not
    credited for being there often. Fitted by EM, which raises the likelihood at every step, with leaps
    where they raise it too; from fixed starting values, so there is no seed.

    Build paths with `path_settings()`: touches outside every journey are unknown to it, and touches that
    brought nothing within a lookback are just those, so that leaving them out overstates β.

    Attributes:
        tolerance: EM ends when no parameter changes by more than this share of itself.
        iterations: it ends after so many rounds of three steps in any case (`converged` tells).

    Source: Zhang, Wei & Ren (2014), Multi-touch attribution in online advertising with survival theory, IEEE
    ICDM.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("additive_hazard")
    tolerance: float = 1e-7
    iterations: int = 500

    def __post_init__(self) -> None:
        """Refuse limits that mean nothing."""
        problems = []
        if not self.tolerance > 0:
            problems.append(f"tolerance: {self.tolerance} must be above 0")
        if self.iterations < 1:
            problems.append(f"iterations: {self.iterations} must be at least 1")
        if problems:
            raise InvalidInputError(problems)

    def path_settings(self) -> PathSettings:
        """Settings that leave every touch and every person in the paths."""
        return PathSettings(lookback_days=math.inf, after_conversion="new_journey", nulls="all")

    def fit(self, paths: Paths) -> FittedAdditiveHazard:
        """Estimate β and ω of every channel.

        Raises:
            InvalidInputError: if the paths hold counts only, without times.
        """
        data = _Exposures.of(journeys_of(paths))
        channels = len(paths.channels)
        touches = sum_by(data.channel, data.weight, channels)
        won = sum_by(data.channel[data.won], data.weight[data.won], channels)
        beta = np.divide(won, touches, out=np.zeros(channels), where=touches > 0)
        days = float(data.weight @ data.days) / max(float(data.weight.sum()), 1.0)
        omega = np.full(channels, _bounded(np.array(1 / max(days, 1e-9))))
        beta, omega, likelihood, converged = self._climb(data, beta, omega)
        return FittedAdditiveHazard(paths.channels, beta, np.log(2) / omega, likelihood, converged, self)

    def _climb(self, data: _Exposures, beta: Floats, omega: Floats) -> tuple[Floats, Floats, float, bool]:
        """The parameters EM ends at, their log-likelihood, and whether it had settled.

        Two steps of EM show where it is going; a leap there (Varadhan & Roland 2008, Simple and globally
        convergent methods for accelerating the convergence of any EM algorithm, scheme S3, on logarithms)
        is taken if it raises the likelihood.
        """
        for _ in range(self.iterations):
            beta_1, omega_1, _ = data.improved(beta, omega)
            beta_2, omega_2, likelihood_1 = data.improved(beta_1, omega_1)
            zero, one, two = (_logarithms(b, w) for b, w in ((beta, omega), (beta_1, omega_1), (beta_2, omega_2)))
            step, bend = one - zero, (two - one) - (one - zero)
            beta, omega = beta_2, omega_2
            if np.abs(two - one).max(initial=0.0) <= self.tolerance:
                return beta, omega, data.log_likelihood(beta, omega), True
            length = max(float(np.linalg.norm(step)) / max(float(np.linalg.norm(bend)), 1e-300), 1.0)
            length = min(length, LONGEST_LEAP)
            leap = np.clip(zero + 2 * length * step + length**2 * bend, -50, 50)
            there = np.where(beta > 0, np.exp(leap[: len(beta)]), 0), _bounded(np.exp(leap[len(beta) :]))
            beta_3, omega_3, likelihood_3 = data.improved(*there)
            if likelihood_3 >= likelihood_1:
                beta, omega = beta_3, omega_3
        return beta, omega, data.log_likelihood(beta, omega), False


@dataclass(frozen=True, eq=False)
class FittedAdditiveHazard(Result):
    """The force of every channel's touches.

    Attributes:
        channels: channel names [n_channels].
        conversions_per_touch: β, the conversions one touch brings in the long run [n_channels].
        half_life_days: days until half of them have come, ln 2 / ω [n_channels].
        log_likelihood: of the data the model was fitted to.
        converged: whether EM had settled.
        model: what was fitted.
    """

    channels: tuple[str, ...]
    conversions_per_touch: Floats
    half_life_days: Floats
    log_likelihood: float
    converged: bool
    model: AdditiveHazard = AdditiveHazard()

    def journey_shares(self, journeys: Journeys) -> Floats:
        """The share of its journey that each touch gets [n_touches].

        A journey whose channels all have no force is shared equally.
        """
        place = {name: code for code, name in enumerate(self.channels)}
        known = np.array([place.get(name, -1) for name in journeys.channels], dtype=np.int64)
        beta = np.append(self.conversions_per_touch, 0.0)[known]
        omega = np.log(2) / np.append(self.half_life_days, 1.0)[known]
        return shares_of_weights(journeys, _hazard(journeys.channel, journeys.age_days, beta, omega))

    def credit(self, paths: Paths) -> Credit:
        """Each channel's conversions and value: the sum over its touches of share × conversion."""
        return credit_of_journey_shares(self.model.name, paths, self.journey_shares(journeys_of(paths)))

    def to_frame(self) -> pd.DataFrame:
        """One row per channel: `channel, conversions_per_touch, half_life_days`."""
        import pandas as pd

        return pd.DataFrame(
            {
                "channel": self.channels,
                "conversions_per_touch": self.conversions_per_touch,
                "half_life_days": self.half_life_days,
            }
        )

    def summary(self) -> str:
        """The channel whose touches bring most."""
        if not self.conversions_per_touch.any():
            return "No touch brings a conversion."
        top = int(np.argmax(self.conversions_per_touch))
        return (
            f"A touch of {self.channels[top]} brings {self.conversions_per_touch[top]:.3g} conversions, "
            f"half of them within {self.half_life_days[top]:.3g} days"
            + ("." if self.converged else "; the fit had not settled.")
        )


@dataclass(frozen=True, eq=False)
class _Exposures:
    """Touches with the days they were under observation: to the conversion, or to the end of observation."""

    journey: Ints
    channel: Ints
    days: Floats
    weight: Floats
    won: Ints  # the touches of journeys that converted
    journeys: int
    channels: int
    journey_weight: Floats

    @staticmethod
    def of(journeys: Journeys) -> _Exposures:
        journey = journeys.journey
        converted = journeys.converted[journey]
        return _Exposures(
            journey=journey,
            channel=journeys.channel.astype(np.int64),
            days=journeys.age_days + np.where(converted, 0, journeys.follow_up_days[journey]),
            weight=journeys.weight[journey],
            won=np.flatnonzero(converted),
            journeys=len(journeys),
            channels=len(journeys.channels),
            journey_weight=journeys.weight,
        )

    def improved(self, beta: Floats, omega: Floats) -> tuple[Floats, Floats, float]:
        """Better parameters after one step of EM, and the log-likelihood of those given."""
        channel, days = self.channel[self.won], self.days[self.won]
        hazard = _hazard(channel, days, beta, omega)
        by_journey = sum_by(self.journey[self.won], hazard, self.journeys)
        total = by_journey[self.journey[self.won]]
        credit = self.weight[self.won] * np.divide(hazard, total, out=np.zeros_like(hazard), where=total > 0)
        credited = sum_by(channel, credit, self.channels)
        survives = np.exp(-omega[self.channel] * self.days)
        spent = sum_by(self.channel, self.weight * (1 - survives), self.channels)
        seen = by_journey > 0
        likelihood = float(self.journey_weight[seen] @ np.log(by_journey[seen]) - beta @ spent)
        beta = np.divide(credited, np.maximum(spent, 1e-12), out=np.zeros(self.channels), where=credited > 0)
        waited = sum_by(channel, credit * days, self.channels)
        waiting = sum_by(self.channel, self.weight * self.days * survives, self.channels)
        rate = np.divide(credited, np.maximum(waited + beta * waiting, 1e-12), out=omega.copy(), where=credited > 0)
        return beta, _bounded(rate), likelihood

    def log_likelihood(self, beta: Floats, omega: Floats) -> float:
        """Σ log λ(conversion) - ∫ λ over all time under observation."""
        return self.improved(beta, omega)[2]


def _logarithms(beta: Floats, omega: Floats) -> Floats:
    """Log β and log ω in one array; 0 for the β of a channel that brings nothing."""
    logarithms: Floats = np.log(np.concatenate([np.where(beta > 0, beta, 1), omega]))
    return logarithms


def _hazard(channel: np.ndarray, days: Floats, beta: Floats, omega: Floats) -> Floats:
    rate = omega[channel]
    return np.asarray(beta[channel] * rate * np.exp(-rate * days))


def _bounded(omega: Floats) -> Floats:
    """Ω whose half-life lies between a minute and ten years: beyond, the data cannot tell."""
    return np.clip(omega, np.log(2) / LONGEST_HALF_LIFE_DAYS, np.log(2) / SHORTEST_HALF_LIFE_DAYS)
