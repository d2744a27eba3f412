"""Upstream data-driven attribution: a touch is worth the conversions that journeys without it do not have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attribution.credit import Credit
from attribution.models.markov.steps import Steps
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats, Ints, sum_by
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError


@dataclass(frozen=True)
class UpstreamDataDriven:
    """share(touch of c) = 1 - p(conversion | upstream, then not c) / p(conversion | upstream, then c).

    Journeys are matched on what came before the touch, its upstream, and never on what came after: visits
    and clicks that the touch brings about are part of its effect. Over all journeys the shares add up to
    Σ over touches of p(with) - p(without), the incremental conversions; the rest is baseline. "Not c" is
    another touch, a conversion at once, or the end. Shares may be negative and are not cut off.

    A touch whose upstream nobody left in another way is matched on a shorter one. The first touch is
    compared with journeys that started otherwise, unless `untouched_nulls` tells of people without any.

    Attributes:
        upstream_touches: how many of the latest touches are matched; the first ones of a path are always
            told apart from later ones. More match better and fewer.
        untouched_nulls: people without any touch who did not convert, where they can be counted; those who
            converted without a touch are known.

    Source: Sapp & Vaver (2016), Toward improving digital attribution model accuracy, Google (the UDDA
    model). Strongly targeted ads bias it, as the paper shows: targeting is not in the upstream path.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("upstream_data_driven")
    upstream_touches: int = 3
    untouched_nulls: float | None = None

    def __post_init__(self) -> None:
        """Refuse counts below 0."""
        problems = []
        if self.upstream_touches < 0:
            problems.append(f"upstream_touches: {self.upstream_touches} must be zero or more")
        if self.untouched_nulls is not None and not 0 <= self.untouched_nulls < math.inf:
            problems.append(f"untouched_nulls: {self.untouched_nulls} must be a count, zero or more")
        if problems:
            raise InvalidInputError(problems)

    def fit(self, paths: Paths) -> FittedUpstreamDataDriven:
        """Count journeys by upstream and next touch, from the longest upstream to none.

        Raises:
            InvalidInputError: if there are more possible upstreams than 64-bit keys.
        """
        base = len(paths.channels) + 2
        if base ** min(self.upstream_touches + 1, 62) >= 2**62:
            raise InvalidInputError(
                [f"upstream_touches: {self.upstream_touches} with {base - 2} channels is too long; lower it"]
            )
        steps = Steps.of_paths(paths)
        touches = len(paths.codes)
        every_time = np.concatenate(
            [np.repeat(paths.conversions, paths.lengths), paths.conversions, np.zeros(len(paths))]
        )
        levels = []
        for order in range(self.upstream_touches, -1, -1):
            history = steps.history(order, base)
            key = history[:touches] * base + paths.codes + 1
            keys, cell = np.unique(key, return_inverse=True)
            upstreams, place = np.unique(history, return_inverse=True)
            journeys, won = sum_by(place, steps.weight, 1), sum_by(place, every_time, 1)
            if self.untouched_nulls is not None and len(upstreams):  # the empty upstream has the lowest key, 0
                journeys[0] += self.untouched_nulls + paths.unattributed_conversions
                won[0] += paths.unattributed_conversions
            seen, converted = sum_by(cell, steps.weight[:touches], 1), sum_by(cell, every_time[:touches], 1)
            here = np.searchsorted(upstreams, keys // base)
            others = journeys[here] - seen
            known = (others > 0) & (seen > 0)
            without = np.divide(won[here] - converted, others, out=np.zeros(len(keys)), where=known)
            with_touch = np.divide(converted, seen, out=np.zeros(len(keys)), where=known)
            share = np.divide(without, with_touch, out=np.ones(len(keys)), where=with_touch > 0)
            levels.append((keys[known], 1 - share[known]))
        return FittedUpstreamDataDriven(self, paths.channels, tuple(levels))


@dataclass(frozen=True, eq=False)
class FittedUpstreamDataDriven:
    """Shares by upstream and channel.

    Attributes:
        model: what was fitted.
        channels: channel names [n_channels].
        levels: for the longest upstream first, then shorter ones: keys of upstream and channel, sorted, and
            the share of a touch of that channel there.
    """

    model: UpstreamDataDriven
    channels: tuple[str, ...]
    levels: tuple[tuple[Ints, Floats], ...]

    def touch_shares(self, paths: Paths) -> Floats:
        """The share of its path that each touch gets [n_touches]; the rest of 1 is baseline."""
        place = {name: code for code, name in enumerate(self.channels)}
        unknown = len(self.channels)
        recode = np.array([place.get(name, unknown) for name in paths.channels], dtype=np.int32)
        codes = recode[paths.codes]
        steps = Steps.of_paths(paths, codes, unknown + 1)
        base = len(self.channels) + 2
        shares, open_ = np.zeros(len(codes)), np.ones(len(codes), dtype=np.bool_)
        for level, (keys, share) in enumerate(self.levels):
            history = steps.history(len(self.levels) - 1 - level, base)[: len(codes)]
            key = history * base + codes + 1
            at = np.minimum(np.searchsorted(keys, key), max(len(keys) - 1, 0))
            found = open_ & (keys[at] == key) if len(keys) else np.zeros(len(codes), dtype=np.bool_)
            shares[found] = share[at[found]]
            open_ &= ~found
        return shares

    def credit(self, paths: Paths) -> Credit:
        """Each channel's incremental conversions and value, and the baseline."""
        shares = self.touch_shares(paths)
        credit = Credit.from_touch_shares(self.model.name, paths, shares)
        return Credit.of_paths(
            self.model.name,
            paths,
            conversions=credit.conversions,
            value_micros=credit.value_micros,
            baseline_conversions=float(paths.conversions.sum() - credit.conversions.sum()),
            baseline_value_micros=float(paths.value_micros.sum() - credit.value_micros.sum()),
        )
