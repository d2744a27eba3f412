"""`Paths`: distinct touch paths with counts of conversions and non-conversions, and value in micros."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attribution.paths.journeys import Journeys
from attribution.paths.ragged import Codes, Floats, Ints, gather, offsets_of, row_of
from attribution.paths.tally import Tally
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError
from cpalab.result import Result

if TYPE_CHECKING:
    import pandas as pd

SEPARATOR = " > "


@dataclass(frozen=True, eq=False)
class Paths(Result):
    """Touch paths and their outcomes; path `i` is `codes[offsets[i]:offsets[i + 1]]`, oldest touch first.

    Everything a model needs from data, as a summary that merges: shards can be built apart and joined with
    `merge`. Rows are normally distinct, and in an order that does not depend on the order of the data; models
    may not rely on either.

    Attributes:
        channels: channel names [n_channels], in alphabetical order.
        codes: the channel of every touch of every path [n_touches].
        offsets: where each path starts [n_paths + 1]; no path is empty.
        conversions: conversions at the end of each path [n_paths].
        value_micros: their total value in micros [n_paths].
        nulls: journeys with this path that did not convert [n_paths].
        unattributed_conversions: conversions without any eligible touch.
        unattributed_value_micros: their total value in micros.
        journeys: the touch-level view, where it was kept.
        journey_path: the path of every journey [n_journeys], -1 for conversions without touches; kept with
            `journeys`.
        tally: what became of every row of the data, where they were built from data.

    Raises:
        InvalidInputError: if the arrays do not fit together, with every broken rule.

    Example:
        >>> from attribution import build_paths
        >>> touches = {"user_id": ["ann", "ann", "bob"], "time": [1.0, 2.0, 3.0], "channel": ["search", "email", "search"]}
        >>> paths = build_paths(touches, {"user_id": ["ann"], "time": [2.5]})
        >>> paths.channels, paths.conversions.tolist(), paths.nulls.tolist()
        (('email', 'search'), [0.0, 1.0], [1.0, 0.0])
    """

    channels: tuple[str, ...]
    codes: Codes
    offsets: Ints
    conversions: Floats
    value_micros: Ints
    nulls: Floats
    unattributed_conversions: float = 0.0
    unattributed_value_micros: int = 0
    journeys: Journeys | None = None
    journey_path: Ints | None = None
    tally: Tally | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together."""
        problems = self._problems()
        if problems:
            raise InvalidInputError(problems)

    def __len__(self) -> int:
        """The number of paths."""
        return len(self.conversions)

    @property
    def lengths(self) -> Ints:
        """Touches in each path [n_paths]."""
        return np.diff(self.offsets)

    @property
    def path_of_touch(self) -> Ints:
        """The path of every touch [n_touches]."""
        return row_of(self.offsets)

    @property
    def total_conversions(self) -> float:
        """All conversions, those without any touch included."""
        return float(self.conversions.sum()) + self.unattributed_conversions

    @property
    def total_value_micros(self) -> int:
        """The value in micros of all conversions, those without any touch included."""
        return int(self.value_micros.sum()) + self.unattributed_value_micros

    @staticmethod
    def from_journeys(journeys: Journeys, *, keep_journeys: bool = True, tally: Tally | None = None) -> Paths:
        """Group journeys into distinct paths."""
        from attribution.paths.kernels import canonical_groups

        filled = np.flatnonzero(np.diff(journeys.offsets) > 0)
        offsets = np.append(journeys.offsets[filled], journeys.offsets[-1])
        group, first = canonical_groups(journeys.channel, offsets)
        path = np.full(len(journeys), -1, dtype=np.int64)
        path[filled] = group
        chosen, starts = gather(offsets, first)
        empty = Paths(
            channels=journeys.channels,
            codes=journeys.channel[chosen],
            offsets=starts,
            conversions=np.zeros(len(first)),
            value_micros=np.zeros(len(first), dtype=np.int64),
            nulls=np.zeros(len(first)),
            tally=tally,
        )
        counted = empty._counting(journeys, path)
        return counted if keep_journeys else replace(counted, journeys=None, journey_path=None)

    @staticmethod
    def from_rows(
        paths: Sequence[str] | Sequence[Sequence[str]] | Any,
        conversions: ArrayLike,
        *,
        value_micros: ArrayLike | None = None,
        nulls: ArrayLike | None = None,
        separator: str = SEPARATOR,
        strip: bool = False,
    ) -> Paths:
        """Read paths like "search > email" with their counts, as analytics tools export them.

        Args:
            paths: one text per row (any sequence, series or Arrow array), its channels joined by `separator`;
                or one sequence of names per row, which may then contain the separator; or `DistinctRows`, taken
                apart before. Conversions of an empty path are unattributed; its nulls saw no touch and are left
                out.
            conversions: conversions of each row.
            value_micros: total value of each row's conversions in micros; rounded to whole ones.
            nulls: journeys of each row that did not convert.
            separator: what stands between two channels, blanks included.
            strip: whether blanks around a channel's name are no part of it.

        Raises:
            InvalidInputError: on counts that are negative, not finite or of another length, on value without
                conversions, and on a path with an empty name.
        """
        from attribution.paths.kernels import sum_counts
        from attribution.paths.texts import DistinctRows, distinct_rows

        rows = paths if isinstance(paths, DistinctRows) else distinct_rows(paths, separator, strip=strip)
        n, distinct = len(rows.row), len(rows.offsets) - 1
        counts = {
            name: np.zeros(n) if given is None else np.asarray(given, dtype=np.float64)
            for name, given in (
                ("conversions", conversions),
                ("value_micros", value_micros),
                ("nulls", nulls),
            )
        }
        problems = [
            f"{name}: {len(count)} numbers for {n} paths; give one for each"
            for name, count in counts.items()
            if count.shape != (n,)
        ]
        if rows.has_empty_name.any():
            empty_names = np.flatnonzero(rows.has_empty_name[rows.row])[:10]
            problems += [f"paths: an empty channel name in row {row}" for row in empty_names]
        if problems:
            raise InvalidInputError(problems)
        converted, value, lost, sound = sum_counts(
            rows.row, counts["conversions"], counts["value_micros"], counts["nulls"], distinct
        )
        if not sound:
            raise InvalidInputError(_count_problems(**counts))
        empty = np.diff(rows.offsets) == 0
        return Paths(
            channels=rows.names,
            codes=rows.codes,
            offsets=np.append(rows.offsets[:-1][~empty], rows.offsets[-1]),
            conversions=converted[~empty],
            value_micros=value[~empty],
            nulls=lost[~empty],
            unattributed_conversions=float(converted[empty].sum()),
            unattributed_value_micros=int(value[empty].sum()),
        ).grouped()

    @staticmethod
    def merge(*parts: Paths) -> Paths:
        """The paths of all parts (shards of different people), with journeys if all have them."""
        if not parts:
            raise InvalidInputError(["parts: none given; merge needs at least one"])
        channels = tuple(sorted({name for part in parts for name in part.channels}))
        place = {name: code for code, name in enumerate(channels)}
        codes = [np.array([place[name] for name in part.channels], dtype=np.int32) for part in parts]
        journeys, journey_path = None, None
        kept = [part.journeys for part in parts if part.journeys is not None]
        if len(kept) == len(parts):
            journeys = Journeys.merge(kept, channels, codes)
            before = offsets_of(np.array([len(part) for part in parts]))[:-1]
            paths = [np.empty(0, np.int64) if p.journey_path is None else p.journey_path for p in parts]
            shifted = [np.where(path >= 0, path + start, -1) for path, start in zip(paths, before, strict=True)]
            journey_path = np.concatenate(shifted)
        tallies = [part.tally for part in parts if part.tally is not None]
        return Paths(
            channels=channels,
            codes=np.concatenate([code[part.codes] for part, code in zip(parts, codes, strict=True)]),
            offsets=offsets_of(np.concatenate([part.lengths for part in parts])),
            conversions=np.concatenate([part.conversions for part in parts]),
            value_micros=np.concatenate([part.value_micros for part in parts]),
            nulls=np.concatenate([part.nulls for part in parts]),
            unattributed_conversions=sum(part.unattributed_conversions for part in parts),
            unattributed_value_micros=sum(part.unattributed_value_micros for part in parts),
            journeys=journeys,
            journey_path=journey_path,
            tally=sum(tallies, Tally()) if len(tallies) == len(parts) else None,
        ).grouped()

    def renamed(self, names: Mapping[str, str]) -> Paths:
        """The same counts with channels called otherwise; those that get one name become one."""
        called = [names.get(channel, channel) for channel in self.channels]
        channels = tuple(sorted(set(called)))
        place = np.array([channels.index(name) for name in called], dtype=np.int32)
        journeys = self.journeys
        if journeys is not None:
            journeys = replace(journeys, channels=channels, channel=place[journeys.channel])
        return replace(self, channels=channels, codes=place[self.codes], journeys=journeys).grouped()

    def grouped(self) -> Paths:
        """The same paths with equal rows added up, in canonical order."""
        from attribution.paths.kernels import canonical_groups, chosen_rows, sum_counts

        group, first = canonical_groups(self.codes, self.offsets)
        if len(first) == len(self):  # all rows differ: there is nothing to add up
            conversions, value_micros, nulls = self.conversions[first], self.value_micros[first], self.nulls[first]
        else:
            conversions, value_micros, nulls, _ = sum_counts(
                group, self.conversions, self.value_micros, self.nulls, len(first)
            )
        codes, offsets = chosen_rows(self.codes, self.offsets, first)
        path = self.journey_path
        return replace(
            self,
            codes=codes,
            offsets=offsets,
            conversions=conversions,
            value_micros=value_micros,
            nulls=nulls,
            journey_path=None if path is None else np.append(group, -1)[path],
        )

    def resampled(self, rng: np.random.Generator) -> Paths:
        """A bootstrap draw over people, with replacement.

        With journeys, people are drawn with all their journeys. From counts alone every conversion and every
        null is taken for a person of its own, and a path's conversions all have its mean value: the draw is
        multinomial over (path, outcome), and intervals of value miss the spread of values within a path.
        """
        if self.journeys is not None and self.journey_path is not None:
            return self._counting(self.journeys.resampled(rng), self.journey_path)
        n = len(self)
        cells = np.concatenate([self.conversions, self.nulls, [self.unattributed_conversions]])
        people = cells.sum()
        draws = rng.multinomial(round(people), cells / people).astype(np.float64) if people > 0 else cells
        mean = np.divide(self.value_micros, self.conversions, out=np.zeros(n), where=self.conversions > 0)
        alone = self.unattributed_conversions
        return replace(
            self,
            conversions=draws[:n],
            value_micros=np.rint(draws[:n] * mean).astype(np.int64),
            nulls=draws[n : 2 * n],
            unattributed_conversions=float(draws[-1]),
            unattributed_value_micros=round(draws[-1] * self.unattributed_value_micros / alone) if alone else 0,
        )

    def to_frame(self, separator: str = SEPARATOR) -> pd.DataFrame:
        """One row per path: `path, conversions, value, nulls`, most conversions first."""
        import pandas as pd

        names = np.array(self.channels, dtype=object)[self.codes]
        frame = pd.DataFrame(
            {
                "path": [separator.join(row) for row in np.split(names, self.offsets[1:-1])] if len(self) else [],
                "conversions": self.conversions,
                "value": self.value_micros / MICROS,
                "nulls": self.nulls,
            }
        )
        return frame.sort_values(["conversions", "nulls", "path"], ascending=[False, False, True], ignore_index=True)

    def summary(self) -> str:
        """What there is, in plain sentences."""
        text = (
            f"{len(self):,} distinct paths of {len(self.channels)} channels: "
            f"{self.total_conversions:,.0f} conversions "
            f"({self.unattributed_conversions:,.0f} without any touch) "
            f"and {self.nulls.sum():,.0f} journeys without."
        )
        return f"{text} Rows: {self.tally.summary()}." if self.tally else text

    def _counting(self, journeys: Journeys, path: Ints) -> Paths:
        """These paths with the counts of these journeys, which follow them as `path` says."""
        from attribution.paths.kernels import count_outcomes

        conversions, value_micros, nulls = count_outcomes(
            path, journeys.conversion_row, journeys.weight, journeys.value_micros, len(self)
        )
        return replace(
            self,
            conversions=conversions[:-1],
            value_micros=value_micros[:-1],
            nulls=nulls[:-1],
            unattributed_conversions=float(conversions[-1]),
            unattributed_value_micros=int(value_micros[-1]),
            journeys=journeys,
            journey_path=path,
        )

    def _problems(self) -> list[str]:
        n = len(self.conversions)
        if len(self.offsets) != n + 1 or len(self.value_micros) != n or len(self.nulls) != n:
            sizes = f"{len(self.offsets) - 1}, {n}, {len(self.value_micros)}, {len(self.nulls)}"
            return [f"offsets, conversions, value_micros, nulls: {sizes} rows; they must have one per path"]
        problems = []
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.codes) or (np.diff(self.offsets) <= 0).any():
            problems.append("offsets: must rise from 0 to the number of touches; empty paths are unattributed")
        if len(self.codes) and not 0 <= self.codes.min() <= self.codes.max() < len(self.channels):
            problems.append(f"codes: must lie between 0 and {len(self.channels) - 1}, the last channel")
        if len(set(self.channels)) < len(self.channels):
            problems.append(f"channels: {self.channels} names a channel twice")
        return problems + _count_problems(self.conversions, self.value_micros, self.nulls)


def _count_problems(conversions: Floats, value_micros: NDArray[Any], nulls: Floats) -> list[str]:
    counts = {"conversions": conversions, "nulls": nulls, "value_micros": value_micros}
    broken = {
        f"{name}: must be finite and not negative": ~(np.isfinite(count) & (count >= 0))
        for name, count in counts.items()
        if len(count) and not (count.min() >= 0 and count.max() < np.inf)  # a quick look at all, false for NaN
    }
    without = (value_micros != 0) & (conversions == 0)
    if without.any():
        broken["value_micros: must be 0 where nothing converted"] = without
    return [
        f"{rule}; {np.count_nonzero(bad)} rows break this, the first is row {np.argmax(bad)} (counted from 0)"
        for rule, bad in broken.items()
    ]
