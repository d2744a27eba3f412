"""Times on counted paths: days from every touch of a row to the end of its journey, and paths that hold them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from attribution.paths.journeys import Journeys
from attribution.paths.paths import Paths
from attribution.paths.ragged import Bools, Floats, Ints, gather, offsets_of
from attribution.paths.texts import DistinctRows

HOURS_PER_DAY = 24
LIST = re.compile(r"\s*[\[({](.*)[\])}]\s*", re.DOTALL)
BETWEEN = re.compile(r"\s*(?:[>|,;/]|→)+\s*")


def is_per_touch(texts: list[Any], lengths: Ints) -> bool:
    """Whether a column has a number for each touch, not one for the whole path as GA4's days to key event."""
    longest = max((len(_pieces(str(text))) for text in set(texts) if text is not None), default=0)
    return longest > 1 or (longest == 1 and lengths.max(initial=0) <= 1)


def ages_of(texts: list[Any], lengths: Ints, per_day: float) -> tuple[Floats, Bools]:
    """Days from each touch to the end [n_touches], and which rows do not say it: one number a touch, none below the next.

    Args:
        texts: what stands in each row, such as "50 > 26 > 0".
        lengths: touches of each row (n_rows,).
        per_day: units of time in a day.
    """
    known = {text: _numbers(str(text)) for text in set(texts) if text is not None}
    wrong = np.zeros(len(texts), dtype=np.bool_)
    ages = []
    for row, (text, length) in enumerate(zip(texts, lengths.tolist(), strict=True)):
        found = known.get(text, np.empty(0)) if length else np.empty(0)
        wrong[row] = len(found) != length or bool((np.diff(found) > 0).any() or (found < 0).any())
        ages.append(np.zeros(length) if wrong[row] else found / per_day)
    return np.concatenate([*ages, np.empty(0)]), wrong


def with_times(
    paths: Paths, rows: DistinctRows, kept: Ints, counts: tuple[Floats, Floats, Floats], age_days: Floats
) -> Paths:
    """The paths with one journey for the conversions of each row and one for its others, which count as often.

    Args:
        paths: the counts of the kept rows.
        rows: the names of every row.
        kept: the rows that are counted.
        counts: conversions, value in micros and nulls of every row, (n_rows,) each.
        age_days: of every touch of every row.
    """
    conversions, value_micros, nulls = counts
    lengths = np.diff(rows.offsets)[rows.row]
    begins = offsets_of(lengths)
    won = kept[conversions[kept] > 0]
    # A path that nobody walked stands among the counts, so it has a journey too, which counts nothing.
    lost = kept[(lengths[kept] > 0) & ((nulls[kept] > 0) | (conversions[kept] == 0))]
    row = np.concatenate([won, lost])
    place = {name: code for code, name in enumerate(paths.channels)}
    code = np.array([place.get(name, 0) for name in rows.names], dtype=np.int32)
    names, offsets = gather(rows.offsets, rows.row[row])
    touches, _ = gather(begins, row)
    worth = np.divide(value_micros, conversions, out=np.zeros(len(conversions)), where=conversions > 0)
    journeys = Journeys(
        channels=paths.channels,
        offsets=offsets,
        channel=code[rows.codes[names]],
        view=np.zeros(len(names), dtype=np.bool_),
        touch_row=touches,
        age_days=age_days[touches],
        conversion_row=np.concatenate([won, np.full(len(lost), -1, dtype=np.int64)]),
        person=np.arange(len(row), dtype=np.int32),
        weight=np.concatenate([conversions[won], nulls[lost]]),
        value_micros=np.rint(np.append(worth[won], np.zeros(len(lost)))).astype(np.int64),
        follow_up_days=np.zeros(len(row)),
    )
    return replace(paths, journeys=journeys, journey_path=Paths.from_journeys(journeys).journey_path)


def _pieces(text: str) -> list[str]:
    listed = LIST.fullmatch(text)
    return [piece for piece in BETWEEN.split(listed[1] if listed else text) if piece.strip()]


def _numbers(text: str) -> Floats:
    try:
        found = np.array([float(piece) for piece in _pieces(text)])
    except ValueError:
        return np.array([-1.0])
    return found if np.isfinite(found).all() else np.array([-1.0])
