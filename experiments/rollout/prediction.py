"""Predictions: what two periods show under a tracking, and what was seen (logarithms of CPA and ROAS after over before).

Their covariance is that of two periods at the user's volume: systems count the same orders, so a shift in one of them alone
tells far more than a shift in all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.rollout.reported_cpa import Floats, Key, ReportedCpas, Spending

__all__ = ["LeftOut", "Prediction", "Shift", "covariance", "log_ratio", "predicted", "shift_between"]

MODEL_ERROR = 0.02
IMPOSSIBLE = 1e3  # the shift where an explanation leaves no actions


@dataclass(frozen=True)
class LeftOut:
    """A figure that was noted and not compared, and why."""

    figure: str
    reason: str


@dataclass(frozen=True)
class Prediction:
    """A normal law of the shifts between two periods: mean (2n,), covariance (2n, 2n).

    `later` (2n, 2n) is the part of the covariance that the later period brings: it shrinks as that period fills. `actions`
    (n,) are those expected after the change at the user's volume: where nothing at all was counted, the chance of that is
    exp(−actions).
    """

    mean: Floats
    covariance: Floats
    later: Floats
    actions: Floats

    def towards(self, other: "Prediction", share: float) -> "Prediction":
        """Between this and another: linear interpolation, undefined where one of them leaves no actions."""
        if share == 0:
            return self
        pairs = (
            (self.mean, other.mean), (self.covariance, other.covariance), (self.later, other.later),
            (self.actions, other.actions),
        )  # fmt: skip
        return Prediction(*((1 - share) * own + share * its for own, its in pairs))

    def beside(self, other: "Prediction", planned: "Prediction") -> "Prediction":
        """Both on top of the same plan: their shifts add up, their chance is the mean of both."""
        return Prediction(
            self.mean + other.mean - planned.mean,
            (self.covariance + other.covariance) / 2,
            (self.later + other.later) / 2,
            self.actions * other.actions / np.maximum(planned.actions, 1e-9),
        )

    def distance(self, seen: "Shift") -> tuple[float, float]:
        """Squared Mahalanobis distance of what was seen, and the logarithm of the likelihood."""
        gap = np.nan_to_num((seen.shift - self.mean)[seen.used], nan=IMPOSSIBLE)
        lower = np.linalg.cholesky(self.covariance[np.ix_(seen.used, seen.used)])
        nothing = float(np.sum(self.actions[seen.emptied]))
        squared = float(np.sum(np.linalg.solve(lower, gap) ** 2)) + 2.0 * nothing
        return squared, -0.5 * squared - float(np.sum(np.log(np.diag(lower))))


@dataclass(frozen=True)
class Shift:
    """What was seen: logarithms of CPA, then ROAS, after over before (2n,); nan where unknown.

    Attributes:
        used: which of them count (2n,); emptied: where nothing was counted any more (n,).
        left_out: figures that were noted and do not count.
    """

    shift: Floats
    used: npt.NDArray[np.bool_]
    emptied: npt.NDArray[np.bool_]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def count(self) -> int:
        """Figures compared."""
        return int(self.used.sum() + self.emptied.sum())


def log_ratio(after: float, before: float) -> float:
    """Logarithm of after ÷ before; nan where one of them is no number above 0."""
    usable = math.isfinite(after) and math.isfinite(before) and after > 0 and before > 0
    return math.log(after / before) if usable else math.nan


def shift_between(today: ReportedCpas, tomorrow: ReportedCpas, keys: Sequence[Key]) -> Floats:
    """Logarithms of CPA, then ROAS, tomorrow over today, (2n,)."""
    cpa = [log_ratio(tomorrow.cpa(key), today.cpa(key)) for key in keys]
    roas = [log_ratio(tomorrow.roas(key), today.roas(key)) for key in keys]
    return np.array(cpa + roas)


def covariance(
    today: ReportedCpas, tomorrow: ReportedCpas, keys: Sequence[Key], spent: Spending, volume: float
) -> tuple[Floats, Floats]:
    """Covariance of ln CPA and ln ROAS after over before, (2n, 2n), and the part of it that the later period brings.

    Linearised bootstrap over people.

    Two figures covary as far as the same people's actions are counted in both: Σ_u a_ui·a_uj / (A_i·A_j), once for each
    period at the user's volume; figures of one channel share the noise of its cost. Which actions a change costs is chance
    too: the prediction itself is as uncertain as the difference of the two records over people, at the volume replayed.
    ROAS has value in place of actions, and the sign opposite to CPA's.
    """
    people = np.unique(np.concatenate([own.user for seen in (today, tomorrow) for own in seen.actions.values()]))
    n = len(keys)
    before, after = np.zeros((2, 2 * n, len(people)))
    for matrix, seen in zip((before, after), (today, tomorrow), strict=True):
        for i, key in enumerate(keys):
            for row, sign, own in ((i, -1.0, seen.actions[key]), (n + i, 1.0, seen.value[key])):
                if own.total > 0:
                    matrix[row, np.searchsorted(people, own.user)] = sign * own.amount / own.total
    sign = np.r_[np.ones(n), -np.ones(n)]
    bought = np.array([f"{key.channel}/{key.part}" for key in keys] * 2)
    variance = np.array([spent.variance[key] for key in keys] * 2)
    shared = (bought[:, None] == bought[None, :]) * np.outer(sign, sign) * variance[:, None]
    difference = after - before
    later: Floats = (after @ after.T + shared) / volume
    result: Floats = (before @ before.T + shared) / volume + later
    result += difference @ difference.T + MODEL_ERROR**2 * np.eye(2 * n)
    return result, later


def predicted(
    today: ReportedCpas, after: ReportedCpas, keys: Sequence[Key], spent: Spending, volume: float
) -> Prediction:
    """What two periods show, today's record before and another after, at a market `volume` times the people simulated."""
    actions = np.array([after.actions[key].total * volume for key in keys])
    return Prediction(shift_between(today, after, keys), *covariance(today, after, keys, spent, volume), actions)
