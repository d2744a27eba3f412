"""Logistic regression on weighted rows, with a weak normal prior: probabilities and log odds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attribution.models.regression.newton import least, weak_prior
from attribution.paths.ragged import Floats


@dataclass(frozen=True, eq=False)
class Logistic:
    """P(success) = 1 / (1 + exp(-(intercept + features · effects))).

    Attributes:
        intercept: log odds where all features are 0; -inf if nothing ever succeeded.
        effects: change of the log odds per unit of each feature [n_features].
    """

    intercept: float
    effects: Floats

    @staticmethod
    def fit(features: Floats, successes: Floats, failures: Floats) -> Logistic:
        """Maximise the likelihood times a normal prior on every effect, by Newton's method.

        The prior (mean 0, standard deviation `newton.PRIOR_SCALE`) is there for features that separate successes
        from failures and for those that always come together; otherwise it is felt nowhere.

        Args:
            features: [n_rows, n_features].
            successes: how often each row succeeded [n_rows].
            failures: how often it failed [n_rows].
        """
        if not successes.any() or not failures.any():
            return Logistic(np.inf if successes.any() else -np.inf, np.zeros(features.shape[1]))
        design = np.column_stack([np.ones(len(features)), features])
        trials = successes + failures
        prior = weak_prior(design.shape[1])
        rate = successes.sum() / trials.sum()
        start = np.zeros(design.shape[1])
        start[0] = np.log(rate / (1 - rate))

        def loss(at: Floats) -> float:
            odds = design @ at
            return float(successes @ np.logaddexp(0, -odds) + failures @ np.logaddexp(0, odds) + prior @ at**2 / 2)

        def downhill(at: Floats) -> tuple[Floats, Floats]:
            p = probability(design @ at)
            slope = design.T @ (successes - trials * p) - prior * at
            return slope, (design * (trials * p * (1 - p))[:, None]).T @ design + np.diag(prior)

        effects = least(loss, downhill, start, most_steps=100)
        return Logistic(float(effects[0]), effects[1:])

    def predict(self, features: Floats) -> Floats:
        """P(success) of each row [n_rows]."""
        return probability(self.intercept + features @ self.effects)


def probability(log_odds: Floats) -> Floats:
    """1 / (1 + exp(-log_odds)), without overflow."""
    return np.exp(-np.logaddexp(0, -log_odds))
