"""Rows of different lengths in one flat array: row `i` is `flat[offsets[i]:offsets[i + 1]]` (CSR form)."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bools: TypeAlias = NDArray[np.bool_]
Codes: TypeAlias = NDArray[np.int32]
Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


def offsets_of(lengths: NDArray[np.integer]) -> Ints:
    """The offsets [n + 1] of `n` rows with these lengths."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def row_of(offsets: Ints) -> Ints:
    """Return, for every flat element, the number of the row it belongs to."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def gather(offsets: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """The flat indices of the chosen rows, row after row, and the offsets of that selection."""
    lengths = np.diff(offsets)[rows]
    chosen = offsets_of(lengths)
    return np.arange(chosen[-1]) + np.repeat(offsets[rows] - chosen[:-1], lengths), chosen


def sum_by(group: NDArray[np.integer], amount: NDArray[Any], groups: int) -> Floats:
    """The sum of the amounts of each group [groups]."""
    return np.asarray(np.bincount(group, weights=amount, minlength=groups), dtype=np.float64)
