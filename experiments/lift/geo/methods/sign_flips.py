"""Exact tests of pair differences: their signs flipped, and the studentised trimmed mean of every flip."""

import math

import numpy as np
from numpy.typing import NDArray

from cpalab.compile_cache import kernel

__all__ = ["LARGEST_TRIM_SHARE", "sign_flips", "studentised_trimmed_means"]

# Chen and Au trim at most a quarter of the pairs at either end.
LARGEST_TRIM_SHARE = 0.25
# Up to here all sign flips are taken (4,096).
ENUMERATED_PAIRS = 12
RANDOM_FLIPS = 999


def sign_flips(pairs: int, seed: int) -> NDArray[np.float64]:
    """All 2ⁿ signs of n pairs where there are few, else 999 random ones after the identity; of shape `(flips, pairs)`."""
    if pairs <= ENUMERATED_PAIRS:
        bits = np.arange(2**pairs)[:, None] >> np.arange(pairs) & 1
        return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, 2, (RANDOM_FLIPS, pairs))
    return np.vstack([np.ones(pairs), 1.0 - 2.0 * drawn])


def studentised_trimmed_means(errors: NDArray[np.float64], flips: NDArray[np.float64]) -> NDArray[np.float64]:
    """|trimmed mean| ÷ its error s_w / ((1 − 2m/n)·√n) of every flip s·ε, at the m with the smallest error.

    s_w is the standard deviation of the winsorised values. Flipped errors need no sorting: those that come out negative,
    from the largest |ε| down, are the lowest; the others, likewise, the highest. Σε² is the same for all flips.

    Args:
        errors: ε of shape `(pairs,)`.
        flips: signs of shape `(flips, pairs)`.

    Returns:
        Shape `(flips,)`.

    Source: the error is that of Tukey and McLaughlin (1963), Sankhyā A 25.
    """
    n = errors.size
    trims = np.arange(int(LARGEST_TRIM_SHARE * n) + 1)
    order = np.argsort(-np.abs(errors))
    statistics = np.empty(len(flips))
    _fill(errors[order], order, flips, flips @ errors, 1 / ((n - 1) * n * (1 - 2 * trims / n) ** 2), statistics)
    return statistics


@kernel
def _fill(
    errors: NDArray[np.float64],
    places: NDArray[np.int64],
    flips: NDArray[np.float64],
    totals: NDArray[np.float64],
    weights: NDArray[np.float64],
    statistics: NDArray[np.float64],
) -> None:
    """Errors come in order of falling |ε|, with the places of their flips; the variance at m is weights[m]·Σ of squares."""
    n, trims = errors.size, weights.size
    all_squares = np.sum(errors * errors)
    lowest, highest = np.empty(n + 1), np.empty(n + 1)
    for flip in range(len(flips)):
        negative, seen = 0, 0
        while seen < n and min(negative, seen - negative) < trims:
            value = flips[flip, places[seen]] * errors[seen]
            # Written to both and counted to one: a branch on a coin would be guessed wrongly half the time.
            lowest[negative] = value
            highest[seen - negative] = value
            negative += value < 0
            seen += 1
        total, squares = totals[flip], all_squares
        smallest, kept, mean_of = np.inf, 0.0, n
        for m in range(trims):
            # Where one side runs out, what is next is the other side's smallest: then all have been seen.
            low = lowest[m] if m < negative else highest[n - 1 - m]
            high = highest[m] if m < seen - negative else lowest[n - 1 - m]
            ends = low * low + high * high
            winsorised = total + m * (low + high)
            variance = (squares + m * ends - winsorised * winsorised / n) * weights[m]
            if variance < smallest:
                smallest, kept, mean_of = variance, total, n - 2 * m
            total -= low + high
            squares -= ends
        statistics[flip] = abs(kept) / mean_of / math.sqrt(max(smallest, 1e-300))
