"""The authors' own inference of trimmed match: a fixed trim, a normal quantile, the whole set inverted (return per cost)."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from experiments.lift.geo.methods.conformal import ObservedTotalDistribution

__all__ = ["NormalTrimmedDistribution", "authors_trim", "winsorised_error"]

Series = NDArray[np.float64]
# An interval wider than so many errors is replaced by the estimate ± so many quantiles of its error.
WIDEST, FALLBACK_QUANTILES = 1e6, 3.0
# Orders of pairs taken at once, to bound memory.
CHUNK = 4_096
HALVINGS = 50


def winsorised_error(errors: Series, cost: Series, trim: int) -> float:
    """√(Σ of squared winsorised ε) ÷ |Σ of the cost kept|: the authors' standard error of θ, at ε = r − θ·c."""
    order = np.argsort(errors)
    n = errors.size
    places = np.clip(np.arange(n), trim, n - 1 - trim)
    kept = abs(float(cost[order][trim : n - trim].sum()))
    squares = float((errors[order][places] ** 2).sum())
    return math.sqrt(squares) / kept if kept > 0 else math.inf


def authors_trim(errors_of_trims: Series, pairs: int) -> int:
    """The smallest trim whose error is at most 1 + ¼/√n of the least."""
    return int(np.flatnonzero(errors_of_trims <= (1 + 0.25 / math.sqrt(pairs)) * errors_of_trims.min())[0])


@dataclass(frozen=True, eq=False)
class NormalTrimmedDistribution(ObservedTotalDistribution):
    """The θ with |t(θ)| ≤ z, t(θ) = trimmed mean of r − θ·c ÷ √(winsorised Σ(ε − ε̄)² ÷ (h·(h − 1))), h = n − 2m pairs kept.

    Between the θ at which two pairs change places t² is a ratio of quadratics, so that the set is found exactly. The limits
    are the least and the greatest of it, times the total cost.

    Attributes:
        response, cost: pair differences, of shape `(pairs,)`.
        trim: m.
        error: standard error of θ.
    """

    response: Series
    cost: Series
    trim: int
    error: float

    @property
    def standard_error(self) -> float:
        """That of θ, times the total cost."""
        return self.error * abs(float(self.cost.sum()))

    def distances(self, quantile: float) -> tuple[float, float]:
        """How far the limits lie from the effect; where the set is all but endless, ± 3·z of its error, as the authors do."""
        total = float(self.cost.sum())
        theta = self.difference / total
        low, high = self._hull(quantile)
        if not high - low <= WIDEST * self.error:
            low, high = (
                theta - FALLBACK_QUANTILES * quantile * self.error,
                theta + FALLBACK_QUANTILES * quantile * self.error,
            )
        ends = sorted((low * total, high * total))
        return max(0.0, self.difference - ends[0]), max(0.0, ends[1] - self.difference)

    def tail(self) -> float:
        """Half the p-value of no effect: that of the quantile at which the set, without its fallback, reaches it."""
        from scipy.special import ndtr

        if self.difference == 0:
            return 0.5
        inside, outside = 0.0, 40.0
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            low, high = self._hull(middle)
            reaches = low <= 0 if self.difference * float(self.cost.sum()) > 0 else high >= 0
            inside, outside = (inside, middle) if reaches else (middle, outside)
        return float(ndtr(-outside))

    def _hull(self, quantile: float) -> tuple[float, float]:
        """Least and greatest θ with t² ≤ z²."""
        starts, ends, mean, squares = self._pieces
        h = self.response.size - 2 * self.trim
        # (A − θB)² ≤ z²/(h(h − 1))·(s₀ + s₁θ + s₂θ²): a quadratic that is at most 0 inside the set.
        a = mean[:, 0] ** 2 - quantile**2 / (h * (h - 1)) * squares[:, 0]
        b = -2 * mean[:, 0] * mean[:, 1] - quantile**2 / (h * (h - 1)) * squares[:, 1]
        c = mean[:, 1] ** 2 - quantile**2 / (h * (h - 1)) * squares[:, 2]
        found = [self.difference / float(self.cost.sum())]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            root = np.sqrt(b * b - 4 * a * c)
            for sign in (-1.0, 1.0):
                theta = np.where(c != 0, (-b + sign * root) / (2 * c), -a / b)
                found += theta[(theta >= starts) & (theta <= ends)].tolist()
            for edge in (starts, ends):
                inner = np.isfinite(edge)
                holds = a[inner] + b[inner] * edge[inner] + c[inner] * edge[inner] ** 2 <= 0
                found += edge[inner][holds].tolist()
        low = -math.inf if c[0] < 0 else min(found)
        high = math.inf if c[-1] < 0 else max(found)
        return low, high

    @cached_property
    def _pieces(self) -> tuple[Series, Series, Series, Series]:
        """Stretches of θ on which pairs keep their order; A and B `(stretches, 2)`, s₀, s₁ and s₂ `(stretches, 3)`."""
        n, m = self.response.size, self.trim
        one, other = np.triu_indices(n, 1)
        apart = self.cost[one] - self.cost[other]
        moves = apart != 0
        edges = np.unique((self.response[one] - self.response[other])[moves] / apart[moves])
        edges = np.concatenate([[-np.inf], edges, [np.inf]])
        starts, ends = edges[:-1], edges[1:]
        reach = 1.0 + np.abs(edges[1:-1]).max(initial=0.0)
        inside = (np.maximum(starts, -4 * reach) + np.minimum(ends, 4 * reach)) / 2
        places = np.clip(np.arange(n), m, n - 1 - m)
        mean, squares = [], []
        for first in range(0, inside.size, CHUNK):
            theta = inside[first : first + CHUNK, None]
            order = np.argsort(self.response - theta * self.cost, axis=1)
            r, c = self.response[order], self.cost[order]
            mean.append(np.column_stack([r[:, m : n - m].mean(axis=1), c[:, m : n - m].mean(axis=1)]))
            r, c = r[:, places], c[:, places]
            r, c = r - r.mean(axis=1, keepdims=True), c - c.mean(axis=1, keepdims=True)
            squares.append(np.column_stack([(r * r).sum(axis=1), -2 * (r * c).sum(axis=1), (c * c).sum(axis=1)]))
        return starts, ends, np.vstack(mean), np.vstack(squares)
