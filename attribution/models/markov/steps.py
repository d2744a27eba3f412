"""The steps of paths: what followed which latest touches, and how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attribution.paths.paths import Paths
from attribution.paths.ragged import Codes, Floats, Ints


@dataclass(frozen=True, eq=False)
class Steps:
    """One row per touch of every path, in their order, then one per path for conversions and one for nulls.

    Attributes:
        path: the path of each step [n_steps].
        step: how many touches came before it [n_steps].
        before: code + 1 of every touch, with a 0 before each path: the history of a step ends at `place`.
        place: where in `before` the step's history ends [n_steps].
        next: what followed: a channel code, or n_channels for a conversion, or n_channels + 1 for a null.
        weight: how often [n_steps].
    """

    path: Ints
    step: Ints
    before: Ints
    place: Ints
    next: Ints
    weight: Floats

    @staticmethod
    def of_paths(paths: Paths, codes: Codes | None = None, channels: int | None = None) -> Steps:
        """Lay out the steps of paths; `codes` and `channels` recode their channels."""
        codes = paths.codes if codes is None else codes
        channels = len(paths.channels) if channels is None else channels
        lengths, every = paths.lengths, np.arange(len(paths))
        start = paths.offsets[:-1] + every  # each path moves by the zeros put before it and its predecessors
        position = np.arange(len(codes)) - np.repeat(paths.offsets[:-1], lengths)
        before = np.zeros(len(codes) + len(paths), dtype=np.int64)
        before[np.repeat(start, lengths) + position + 1] = codes + 1
        end = start + lengths
        return Steps(
            path=np.concatenate([paths.path_of_touch, every, every]),
            step=np.concatenate([position, lengths, lengths]),
            before=before,
            place=np.concatenate([np.repeat(start, lengths) + position, end, end]),
            next=np.concatenate([codes, np.full(len(paths), channels), np.full(len(paths), channels + 1)]).astype(
                np.int64
            ),
            weight=np.concatenate(
                [np.repeat(paths.conversions + paths.nulls, lengths), paths.conversions, paths.nulls]
            ),
        )

    def history(self, order: int, base: int) -> Ints:
        """A key of the latest touches before each step, at most `order` of them [n_steps]."""
        key = np.zeros(len(self.step), dtype=np.int64)
        for back in range(order):
            there = np.flatnonzero(self.step > back)
            if not len(there):
                break
            key[there] += self.before[self.place[there] - back] * base**back
        return key
