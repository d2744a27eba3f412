"""Journeys: days from click to conversion and touches before one, as a team's files hold them and as a world shows (counts).

Two kinds of figures that a channel table has not: by how many days conversions follow clicks, and in how many paths a channel
stands for each that ends in it. Only the table's own channels count, whatever else a file calls a touch.
"""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from attribution.formats.column_names import columns_named
from cpalab.refusal import Problem, Refused, did_you_mean
from experiments.own_market.channel_table import Floats, MarketTable, SeenLag, SeenPaths
from experiments.rollout.seen_periods import ALSO_CALLED

if TYPE_CHECKING:
    from attribution.paths.paths import Paths
    from simulator.record.record import Record
    from simulator.world import World

__all__ = ["assists", "lags_of", "paths_of", "read_lag", "read_paths", "with_journeys"]

DAYS = (
    "days",
    "day",
    "lag",
    "days to conversion",
    "days to key event",
    "time lag",
    "time lag in days",
    "conversion lag",
)
COUNTS = ("conversions", "count", "counts", *(k.replace("_", " ") for k, v in ALSO_CALLED.items() if v == "actions"))
LOOKBACK_DAYS = 30.0


def with_journeys(table: MarketTable, lag: str | Path | None, paths: str | Path | None) -> MarketTable:
    """The table with what these files add to it.

    Args:
        table: of channels.
        lag: a file as `read_lag` takes it, or none; paths: one as `read_paths` takes it, or none.

    Raises:
        Refused: what is wrong with either; all problems at once.
    """
    problems: list[Problem] = []
    for path, read in ((lag, _with_lag), (paths, _with_paths)):
        if path is not None:
            try:
                table = read(table, path)
            except Refused as error:
                problems += error.problems
    if problems:
        raise Refused(problems)
    return table


def _with_lag(table: MarketTable, path: str | Path) -> MarketTable:
    return replace(table, lag=read_lag(path))


def _with_paths(table: MarketTable, path: str | Path) -> MarketTable:
    seen = read_paths(path, table)
    missing = [row.label for row, n in zip(table.rows, seen.containing, strict=True) if not n]
    said = (
        [f"{', '.join(missing)} {'stands' if len(missing) == 1 else 'stand'} in no path of {path}."] if missing else []
    )
    return replace(table, paths=seen, notes=(*table.notes, *said))


def read_lag(path: str | Path) -> SeenLag:
    """Conversions by days since the click, as Google Ads and Analytics export them: `days, conversions`.

    Days are `0`, `<1 day`, `3`, `1-2 days` (up to where the next row begins), `12+`; the day of the click is 0.

    Args:
        path: of the file.

    Raises:
        Refused: a column is missing, a cell is no stretch of days or no count, stretches overlap or leave a gap, the first is
            not the day of the click, or there are no conversions; all problems at once.
    """
    from cpalab.tables.frames import read_frame

    place = str(path)
    headers = [str(c) for c in read_frame(path)[0].columns]
    days, counts = (next(iter(columns_named(headers, names)), None) for names in (DAYS, COUNTS))
    problems = []
    if days is None:
        problems.append(Problem(f"{place}: column days", "is missing", hint=f"it has {', '.join(headers)}"))
    if counts is None:
        hint = "shares have no sampling error; give the counts they come from" if "share" in headers else ""
        problems.append(
            Problem(f"{place}: column conversions", "is missing", hint=hint or f"it has {', '.join(headers)}")
        )
    if days is None or counts is None:
        raise Refused(problems)
    frame, _ = read_frame(path, texts={days})
    rows: list[tuple[float, float, float]] = []
    for number, (cell, count) in enumerate(zip(frame[days], frame[counts], strict=True), start=1):
        stretch, many = _stretch(str(cell)), _count(count)
        if stretch is None:
            rule = "must be days since the click"
            problems.append(
                Problem(f"{place}: row {number}: {days}", rule, repr(str(cell)), "write 0, <1, 3, 1-2 or 12+")
            )
        if math.isnan(many):
            problems.append(
                Problem(f"{place}: row {number}: {counts}", "must be a number, 0 or more", repr(str(count)))
            )
        if stretch is not None:
            rows.append((*stretch, many))
    if not problems:
        rows.sort()
        problems = _order_problems(place, rows)
    if problems:
        raise Refused(problems)
    edges = np.array([*(low for low, _, _ in rows), _end(rows[-1], rows)], float)
    return SeenLag(edges, np.array([many for _, _, many in rows], float))


def _stretch(text: str) -> tuple[float, float] | None:
    """First and last day of a cell; the last is infinite where it is open."""
    plain = re.sub(r"\bdays?\b", "", text.casefold()).replace("–", "-").replace(" to ", "-").replace(" ", "")
    if match := re.fullmatch(r"<(\d+)|lessthan(\d+)", plain):
        return 0.0, float(match[1] or match[2])
    if match := re.fullmatch(r"(\d+)(?:\.0)?", plain):
        return float(match[1]), float(match[1])
    if match := re.fullmatch(r"(\d+)-(\d+)", plain):
        return float(match[1]), float(match[2])
    if match := re.fullmatch(r"(\d+)\+|>=?(\d+)|(\d+)ormore|morethan(\d+)", plain):
        return float(next(n for n in match.groups() if n)), math.inf
    return None


def _count(cell: object) -> float:
    try:
        value = float(str(cell))
    except ValueError:
        return math.nan
    return value if 0 <= value < math.inf else math.nan


def _order_problems(place: str, rows: Sequence[tuple[float, float, float]]) -> list[Problem]:
    """What is wrong with stretches in their order."""
    problems = []
    if not rows or not sum(many for _, _, many in rows) > 0:
        return [Problem(place, "holds no conversions")]
    if rows[0][0] != 0:
        hint = "either the day of the click is called 1, or its conversions are missing: call the day of the click 0"
        problems.append(Problem(f"{place}: days", "must begin with the day of the click", f"{rows[0][0]:g}", hint))
    for (low, high, _), (next_low, _, _) in itertools.pairwise(rows):
        if next_low not in (high, high + 1) or next_low == low:
            rule = "must follow one another without gap or overlap"
            problems.append(Problem(f"{place}: days", rule, f"{low:g} to {high:g}, then {next_low:g}"))
    return problems


def _end(last: tuple[float, float, float], rows: Sequence[tuple[float, float, float]]) -> float:
    """Where the last stretch ends: as the others do, at their last day or a day later."""
    low, high, _ = last
    shared = low != high and any(a[1] == b[0] and a[0] != a[1] for a, b in itertools.pairwise(rows))
    return high if shared else high + 1


def read_paths(path: str | Path, table: MarketTable) -> SeenPaths:
    """Paths of converting people, in any format that `cpalab attribute` reads.

    Args:
        path: of the file: `path, conversions`, or touches with conversions.
        table: whose channels count.

    Raises:
        Refused: the file cannot be read, or none of the table's channels stands in it.
    """
    from attribution.formats.records import CountedPaths
    from attribution.formats.registry import read_data

    data = read_data(path)
    found = data.paths if isinstance(data, CountedPaths) else data.to_paths(keep_journeys=False)
    labels = {row.label.casefold(): row.name for row in table.rows} | {row.name: row.name for row in table.rows}
    called = {channel: labels.get(channel.strip().casefold(), "") for channel in found.channels}
    if not any(called.values()):
        hint = did_you_mean(found.channels[0], [row.label for row in table.rows]) if found.channels else ""
        raise Refused([Problem(str(path), "has none of the table's channels", ", ".join(found.channels[:6]), hint)])
    return assists(found, [row.name for row in table.rows], called)


def assists(paths: "Paths", names: Sequence[str], called: Mapping[str, str] | None = None) -> SeenPaths:
    """Conversions whose path holds each channel, and those whose last touch of these channels is its own, (K,) each.

    Args:
        paths: with their conversions.
        names: the channels that count.
        called: a path's name of a channel → ours; None: the same.
    """
    place = {name: k for k, name in enumerate(names)}
    of_code = np.array([place.get((called or {}).get(c, c), -1) for c in paths.channels], np.int64)
    codes = of_code[paths.codes] if len(of_code) else np.zeros(0, np.int64)
    path = np.repeat(np.arange(len(paths.conversions)), np.diff(paths.offsets))
    path, codes = path[codes >= 0], codes[codes >= 0]
    k = len(names)
    both = np.unique(path * k + codes)
    containing = np.bincount(both % k, weights=paths.conversions[both // k], minlength=k)
    ends = np.flatnonzero(np.r_[path[1:] != path[:-1], True]) if len(path) else np.zeros(0, np.int64)
    last = np.bincount(codes[ends], weights=paths.conversions[path[ends]], minlength=k)
    return SeenPaths(containing.astype(float), last.astype(float))


def paths_of(world: "World", names: Sequence[str]) -> SeenPaths:
    """The same of a world's analytics."""
    from attribution.paths.build import build_paths
    from attribution.paths.settings import PathSettings
    from simulator.record.systems.analytics_journeys import recorded_journeys

    settings = PathSettings(lookback_days=LOOKBACK_DAYS, nulls="none")
    return assists(build_paths(*recorded_journeys(world), settings, keep_journeys=False), names)


def lags_of(seen: "Record", edges: Floats) -> Floats:
    """Conversions that platforms claim after clicks, by days since the click, in these stretches (B,)."""
    claims = seen.claims.select(["system", "view_through", "time", "touch_time", "conversions"]).to_pandas()
    own = claims[(claims["system"].astype(str) == "platform") & ~claims["view_through"]]
    return np.histogram(own["time"] - own["touch_time"], edges, weights=own["conversions"])[0].astype(float)
