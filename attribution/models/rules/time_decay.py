"""Time decay: a touch counts half as much for every half-life (in days) before the conversion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from attribution.credit import Credit
from attribution.models.regression.journey_shares import credit_of_journey_shares, journeys_of, shares_of_weights
from attribution.paths.journeys import Journeys
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError


@dataclass(frozen=True)
class TimeDecay:
    """share(touch) = 2^(-(t_conversion - t_touch) / half_life), divided by its sum over the journey.

    Time is exact (no steps of whole days) and runs back from the conversion. Towards an infinite half-life
    this becomes linear, towards 0 last click.

    Attributes:
        half_life_days: days after which a touch counts half; `math.inf` makes it linear.

    Source: the rule of Google Ads and Adobe Analytics, with their half-life of one week.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("time_decay")
    half_life_days: float = 7.0

    def __post_init__(self) -> None:
        """Refuse a half-life that is not positive."""
        if not self.half_life_days > 0:
            raise InvalidInputError([f"half_life_days: {self.half_life_days} must be days above 0; math.inf is linear"])

    def fit(self, paths: Paths) -> Self:  # noqa: ARG002 - the contract's signature
        """The rule itself."""
        return self

    def journey_shares(self, journeys: Journeys) -> Floats:
        """The share of its journey that each touch gets [n_touches]; shares of a journey sum to 1."""
        if math.isinf(self.half_life_days):
            return shares_of_weights(journeys, np.ones(len(journeys.channel)))
        # Relative to the latest touch, which cancels in the shares and keeps old journeys from underflowing.
        latest = journeys.age_days[journeys.offsets[1:] - 1] if len(journeys.age_days) else np.empty(0)
        age = journeys.age_days - np.repeat(latest, np.diff(journeys.offsets)) if len(latest) else latest
        return shares_of_weights(journeys, np.exp2(-age / self.half_life_days))

    def credit(self, paths: Paths) -> Credit:
        """Each channel's conversions and value: the sum over its touches of share × conversion.

        Raises:
            InvalidInputError: if the paths hold counts only, without times.
        """
        return credit_of_journey_shares(self.name, paths, self.journey_shares(journeys_of(paths)))
