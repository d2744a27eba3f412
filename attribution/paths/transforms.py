"""Paths with touches left out or counted before they are credited: the path transforms of fractribution and Snowplow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from attribution.paths.paths import Paths
from attribution.paths.ragged import Bools, offsets_of
from attribution.paths.settings import is_one_of
from cpalab.refusal import InvalidInputError, did_you_mean

Transform = Literal["exposure", "first", "frequency", "remove_last_direct", "remove_direct"]


def transformed(paths: Paths, transforms: Sequence[Transform], direct: Sequence[str] = ("direct",)) -> Paths:
    """The paths after each transform in turn; equal ones are added up. Counts and value stay; times do not.

    `exposure` joins touches of one channel that follow each other (a, a, b, a is a, b, a); `first` keeps each channel's first
    touch; `frequency` does, and names it with its count ("a (3)"); `remove_last_direct` takes direct touches off the end, and
    `remove_direct` takes all of them, unless there are no others.

    Args:
        paths: any paths, counted or built.
        transforms: their names, in order.
        direct: names of direct visits.

    Raises:
        InvalidInputError: if there is no such transform.

    Source: Google, fractribution (2020), path transforms; Snowplow, dbt-snowplow-attribution, `remove_if_last_and_not_all`
    and `remove_if_not_all`. Their `unique` changes nothing.

    Example:
        >>> from attribution import Paths
        >>> from attribution.paths.transforms import transformed
        >>> paths = Paths.from_rows(["a > a > b > a", "a > b > a"], [1, 2])
        >>> transformed(paths, ["exposure"]).to_frame()["path"].tolist()
        ['a > b > a']
    """
    known = get_args(Transform)
    unknown = [
        f"transform: {name!r} is unknown; {did_you_mean(name, known)}" for name in transforms if name not in known
    ]
    if unknown:
        raise InvalidInputError(unknown)
    for name in transforms:
        paths = _with_counts(paths) if name == "frequency" else _of(paths, _kept(paths, name, direct))
    return paths


def _kept(paths: Paths, name: str, direct: Sequence[str]) -> Bools:
    """Whether each touch stays [n_touches]."""
    start = np.zeros(len(paths.codes), dtype=np.bool_)
    start[paths.offsets[:-1]] = True
    if name == "exposure":
        changed: Bools = np.append(True, paths.codes[1:] != paths.codes[:-1])[: len(start)]
        return start | changed
    if name == "first":
        cell = paths.path_of_touch * np.int64(max(len(paths.channels), 1)) + paths.codes
        kept = np.zeros(len(start), dtype=np.bool_)
        kept[np.unique(cell, return_index=True)[1]] = True
        return kept
    is_direct = np.array([is_one_of(channel, tuple(direct)) for channel in paths.channels], dtype=np.bool_)[paths.codes]
    others = np.add.reduceat(~is_direct, paths.offsets[:-1]) if len(paths) else np.zeros(0, dtype=np.int64)
    alone = (others == 0)[paths.path_of_touch]
    # A touch at the end is followed by no other than direct ones.
    later = np.cumsum((~is_direct)[::-1])[::-1]
    after_path = np.append(later, 0)[paths.offsets[1:]][paths.path_of_touch]
    kept_direct: Bools = alone if name == "remove_direct" else alone | (later > after_path)
    return ~is_direct | kept_direct


def _of(paths: Paths, kept: Bools) -> Paths:
    lengths = np.add.reduceat(kept, paths.offsets[:-1]) if len(paths) else np.zeros(0, dtype=np.int64)
    left = replace(
        paths,
        codes=paths.codes[kept],
        offsets=offsets_of(lengths.astype(np.int64)),
        journeys=None,
        journey_path=None,
    )
    return left.grouped()


def _with_counts(paths: Paths) -> Paths:
    cell = paths.path_of_touch * np.int64(max(len(paths.channels), 1)) + paths.codes
    _, same, times = np.unique(cell, return_inverse=True, return_counts=True)
    kept = _kept(paths, "first", ())
    names = [
        f"{paths.channels[code]} ({many})" for code, many in zip(paths.codes[kept], times[same][kept], strict=True)
    ]
    channels = tuple(sorted(set(names)))
    place = {name: code for code, name in enumerate(channels)}
    lengths = np.add.reduceat(kept, paths.offsets[:-1]) if len(paths) else np.zeros(0, dtype=np.int64)
    counted = replace(
        paths,
        channels=channels,
        codes=np.array([place[name] for name in names], dtype=paths.codes.dtype),
        offsets=offsets_of(lengths.astype(np.int64)),
        journeys=None,
        journey_path=None,
    )
    return counted.grouped()
