"""Poisson regression on grouped time: events per day under observation, with a weak normal prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attribution.models.regression.newton import least, weak_prior
from attribution.paths.ragged import Floats


@dataclass(frozen=True, eq=False)
class Poisson:
    """rate = exp(intercept + features · effects), in events per day.

    Attributes:
        intercept: logarithm of the rate where all features are 0; -inf if nothing ever happened.
        effects: change of the logarithm per unit of each feature [n_features].
    """

    intercept: float
    effects: Floats

    @staticmethod
    def fit(features: Floats, events: Floats, days: Floats) -> Poisson:
        """Maximise the likelihood times a normal prior on every effect, by Newton's method.

        The prior (mean 0, standard deviation `newton.PRIOR_SCALE`) is there for features without events, or without
        time under observation; otherwise it is felt nowhere.

        Args:
            features: [n_rows, n_features].
            events: events in each row [n_rows].
            days: days under observation of each row [n_rows].
        """
        if not events.any():
            return Poisson(-np.inf, np.zeros(features.shape[1]))
        design = np.column_stack([np.ones(len(features)), features])
        prior = weak_prior(design.shape[1])
        start = np.zeros(design.shape[1])
        start[0] = np.log(events.sum() / max(float(days.sum()), 1e-9))

        def loss(at: Floats) -> float:
            log_rate = np.minimum(design @ at, 700.0)
            return float(days @ np.exp(log_rate) - events @ log_rate + prior @ at**2 / 2)

        def downhill(at: Floats) -> tuple[Floats, Floats]:
            expected = days * np.exp(np.minimum(design @ at, 700.0))
            slope = design.T @ (events - expected) - prior * at
            return slope, (design * expected[:, None]).T @ design + np.diag(prior)

        effects = least(loss, downhill, start, most_steps=200)
        return Poisson(float(effects[0]), effects[1:])
