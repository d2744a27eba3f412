"""Rates and conversion lags that a team knows, as options and files give them (shares, days)."""

import itertools
import math
from pathlib import Path

from cpalab.refusal import Problem, Refused


def rate(text: str, problems: list[Problem]) -> tuple[str, float | tuple[float, float]]:
    """A rate that is known, from NAME=VALUE or NAME=LOW..HIGH."""
    name, _, value = text.partition("=")
    low, dots, high = value.partition("..")
    ends = number("--rate", low, problems), number("--rate", high, problems) if dots else 0.0
    return name.strip(), ends if dots else ends[0]


def number(place: str, text: str, problems: list[Problem]) -> float:
    """A number from what was typed after an option; what is none is a problem, and 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        problems.append(Problem(place, "must be a number", repr(text), "write view=0.35 or consent=0.5..0.7"))
        return 0.0
    return value


def lag_points(path: Path) -> list[tuple[float, float]]:
    """The points of a conversion lag: rising days and shares."""
    from cpalab.tables.frames import read_frame

    frame, _ = read_frame(path)
    columns = {str(name).strip().casefold(): name for name in frame.columns}
    if not {"days", "share"} <= columns.keys():
        raise Refused([Problem(str(path), "must have the columns days and share", hint=f"it has {', '.join(columns)}")])
    points = [(float(d), float(s)) for d, s in zip(frame[columns["days"]], frame[columns["share"]], strict=True)]
    rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in itertools.pairwise(points))
    if not points or not rising or not all(d > 0 and 0 <= s <= 1 for d, s in points):
        raise Refused([Problem(str(path), "days must rise from above 0, and shares from 0 to at most 1 with them")])
    return points
