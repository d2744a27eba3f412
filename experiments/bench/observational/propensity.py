"""Exposed people against unexposed ones who were as likely to be exposed (conversions), by logistic regression."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cpalab.plugins import NameWithParameters
from experiments.bench.observational.method import needs_scikit_learn
from experiments.bench.observational.people import PeopleSeen

__all__ = ["PropensityMatching", "PropensityWeighting"]

HIGHEST = 0.99  # a propensity above counts as this much: one unexposed person stands for at most 99 exposed ones


@dataclass(frozen=True)
class PropensityMatching:
    """Σ over the exposed of y − the mean y of the unexposed whose propensity score is nearest, with replacement.

    Unexposed people with the same score stand for each other: all of them are compared with whoever is nearest to one.

    Source: Rosenbaum & Rubin (1983), Biometrika 70(1); Gordon et al. (2019), PSM.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("propensity_matching")

    def __post_init__(self) -> None:
        """Scikit-learn is there.

        Raises:
            InvalidInputError: it is not.
        """
        needs_scikit_learn("propensity_matching")

    def estimate(self, people: PeopleSeen) -> float:
        """Conversions that the ads caused, were people of one score alike."""
        if not people.exposed.any():
            return 0.0
        if people.exposed.all():
            return math.nan
        score = np.round(propensities(people), 9)
        alike, place = np.unique(score[~people.exposed], return_inverse=True)
        mean = np.bincount(place, people.orders[~people.exposed]) / np.bincount(place)
        wanted = score[people.exposed]
        right = np.minimum(np.searchsorted(alike, wanted), len(alike) - 1)
        left = np.maximum(right - 1, 0)
        nearest = np.where(wanted - alike[left] <= alike[right] - wanted, left, right)
        return float((people.orders[people.exposed] - mean[nearest]).sum())


@dataclass(frozen=True)
class PropensityWeighting:
    """n₁ (ȳ₁ − Σ w y ÷ Σ w over the unexposed), w = e ÷ (1 − e) the odds of exposure; e above 0.99 counts as 0.99.

    Source: Hirano, Imbens & Ridder (2003), Econometrica 71(4), with weights that sum to one.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("propensity_weighting")

    def __post_init__(self) -> None:
        """Scikit-learn is there.

        Raises:
            InvalidInputError: it is not.
        """
        needs_scikit_learn("propensity_weighting")

    def estimate(self, people: PeopleSeen) -> float:
        """Conversions that the ads caused, were the unexposed, so weighted, like the exposed."""
        if not people.exposed.any():
            return 0.0
        if people.exposed.all():
            return math.nan
        chance = np.minimum(propensities(people)[~people.exposed], HIGHEST)
        without = np.average(people.orders[~people.exposed], weights=chance / (1 - chance))
        return float((people.orders[people.exposed] - without).sum())


def propensities(people: PeopleSeen) -> npt.NDArray[np.float64]:
    """The probability of being exposed, given the covariates [people]."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if not people.covariates.shape[1]:
        return np.full(len(people.exposed), people.exposed.mean())
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    chances = model.fit(people.covariates, people.exposed).predict_proba(people.covariates)[:, 1]
    return np.asarray(chances, dtype=np.float64)
