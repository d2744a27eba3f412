"""Exposed people against what a regression on the unexposed foretells for people like them (conversions)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cpalab.plugins import NameWithParameters
from experiments.bench.observational.people import PeopleSeen

__all__ = ["RegressionAdjustment"]


@dataclass(frozen=True)
class RegressionAdjustment:
    """Σ over the exposed of y − (α + β·x), where α and β are fitted to the unexposed by least squares.

    Source: Oaxaca–Blinder as an estimate of effects on the treated, Kline (2011), American Economic Review 101(3).
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("regression_adjustment")

    def estimate(self, people: PeopleSeen) -> float:
        """Conversions that the ads caused, did orders without ads depend on the covariates alone, and linearly."""
        if not people.exposed.any():
            return 0.0
        if people.exposed.all():
            return math.nan
        known = np.column_stack([np.ones(len(people.orders)), people.covariates])
        fitted = np.linalg.lstsq(known[~people.exposed], people.orders[~people.exposed], rcond=None)[0]
        return float((people.orders[people.exposed] - known[people.exposed] @ fitted).sum())
