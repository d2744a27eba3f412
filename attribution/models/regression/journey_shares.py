"""The share of its journey that each touch gets, and the credit from such shares: for models of time."""

from __future__ import annotations

import numpy as np

from attribution.credit import Credit
from attribution.paths.conversion_lag import NO_TIMES
from attribution.paths.journeys import Journeys
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats, sum_by
from cpalab.refusal import InvalidInputError


def journeys_of(paths: Paths) -> Journeys:
    """The touch-level view of the paths.

    Raises:
        InvalidInputError: if the paths hold counts only.
    """
    if paths.journeys is None:
        raise InvalidInputError([NO_TIMES])
    return paths.journeys


def shares_of_weights(journeys: Journeys, weight: Floats) -> Floats:
    """Weight / its sum over the journey [n_touches]; the same to every touch where all weights are 0."""
    journey = journeys.journey
    total = sum_by(journey, weight, len(journeys))[journey]
    touches = np.repeat(np.diff(journeys.offsets), np.diff(journeys.offsets))
    return np.where(total > 0, np.divide(weight, total, out=np.zeros_like(weight), where=total > 0), 1 / touches)


def credit_of_journey_shares(method: str, paths: Paths, shares: Floats) -> Credit:
    """Credit each touch of a converting journey with its share [n_touches]; what is left over is baseline."""
    journeys = journeys_of(paths)
    won = journeys.converted * journeys.weight
    worth = won * journeys.value_micros
    channels = len(paths.channels)
    given = np.bincount(journeys.journey, weights=shares, minlength=len(journeys))
    # Shares that sum to 1 leave rounding only, which is not a baseline.
    left = np.where((np.diff(journeys.offsets) > 0) & (np.abs(1 - given) > 1e-12), 1 - given, 0)
    return Credit.of_paths(
        method,
        paths,
        conversions=sum_by(journeys.channel, shares * won[journeys.journey], channels),
        value_micros=sum_by(journeys.channel, shares * worth[journeys.journey], channels),
        baseline_conversions=float(left @ won),
        baseline_value_micros=float(left @ worth),
    )
