"""What was seen before and after a rollout, from a team's own table: cost (currency) and actions per channel and system.

Three shapes: cost and actions of both periods in one row; only the prices of both; one row per day, with the day on which
the change went live. Reading needs no scenario: any channel and system may stand in it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cpalab.refusal import Problem, Refused, did_you_mean

__all__ = ["SeenRow", "read_seen", "read_table"]

WORDS = ("channel", "system")
COUNTS = ("cost_before", "actions_before", "cost_after", "actions_after")
PRICES = ("cpa_before", "cpa_after")
DAILY = ("date", "cost", "actions")
VALUES = ("value_before", "value_after")
RETURNS = ("roas_before", "roas_after")
# Other names of the same columns, with _before, _after or nothing behind them.
ALSO_CALLED = {
    "spend": "cost", "amount_spent": "cost", "costs": "cost",
    "conversions": "actions", "purchases": "actions", "results": "actions", "orders": "actions", "leads": "actions",
    "installs": "actions", "conv": "actions",
    "cost_per_conversion": "cpa", "cost_per_action": "cpa", "cost_per_result": "cpa",
    "revenue": "value", "conversion_value": "value", "day": "date",
    "source": "system", "platform": "system",
}  # fmt: skip


@dataclass(frozen=True)
class SeenRow:
    """One figure of one channel in one system, before and after.

    Attributes:
        channel, system, metric: which; metric is `cpa` or `roas`.
        ratio: figure after ÷ before; nan where one of them does not exist.
        actions_before, actions_after: counted in each period; nan where only prices are given.
        cost_before, cost_after: in currency; nan where only prices are given.
        emptied: something was counted before and nothing is any more.
    """

    channel: str
    system: str
    metric: str
    ratio: float
    actions_before: float = math.nan
    actions_after: float = math.nan
    cost_before: float = math.nan
    cost_after: float = math.nan
    emptied: bool = False


def read_seen(path: str | Path, *, live: date | None = None) -> tuple[SeenRow, ...]:
    """The figures in a CSV file.

    Columns `channel, system` and either `cost_before, conversions_before, cost_after, conversions_after` (own counts set the
    noise), or `cpa_before, cpa_after`, or, with `live`, `date, cost, conversions` with a row per day. `value` or `roas`
    beside them is read too. Capitals, blanks in names, semicolons and UTF-16 are read as they are.

    Args:
        path: of the file.
        live: first day on which the change was live; only with a row per day.

    Raises:
        Refused: with every problem found, each with its row.
    """
    names, lines = _table(path)
    columns = _known_columns(names)
    place = str(path)
    present = set(columns.values())
    shape = next((shape for shape in (COUNTS, PRICES, DAILY) if set(shape) <= present), None)
    problems = [
        Problem(f"{place}: column {name}", "is missing", hint=did_you_mean(name, names))
        for name in WORDS
        if name not in present
    ]
    if shape is None:
        wanted = "; or ".join(", ".join(shape).replace("actions", "conversions") for shape in (COUNTS, PRICES, DAILY))
        problems.append(Problem(f"{place}: columns", f"must hold {wanted}", hint=f"the file has {', '.join(names)}"))
    if shape is DAILY and live is None:
        problems.append(
            Problem(place, "has a row per day", hint="say with --live YYYY-MM-DD when the change went live")
        )
    if shape is not None and shape is not DAILY and live is not None:
        problems.append(Problem("--live", "needs a row per day", hint="this file has both periods in one row"))
    if not lines:
        problems.append(Problem(place, "holds no rows"))
    twice = sorted({name for name in present if list(columns.values()).count(name) > 1})
    problems += [Problem(f"{place}: column {name}", "stands there twice, under one name or another") for name in twice]
    if problems:
        raise Refused(problems)
    cells = [({columns[name]: text for name, text in row.items() if name in columns}, number) for number, row in lines]
    found = _from_days(place, cells, live, problems) if shape is DAILY and live else _from_rows(place, cells, problems)
    if problems:
        raise Refused(problems)
    return found


def read_table(path: str | Path, wanted: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of a table with these columns, under any of their usual names: words as text, all others as numbers, 0 or more.

    Raises:
        Refused: a column is missing or stands there twice, a word is empty, or a number is none; all problems at once.
    """
    names, lines = _table(path)
    columns = _known_columns(names)
    present = list(columns.values())
    place = str(path)
    problems = [
        Problem(
            f"{place}: column {name.replace('actions', 'conversions')}", "is missing", hint=f"it has {', '.join(names)}"
        )
        for name in wanted
        if name not in present
    ]
    twice = sorted({name for name in wanted if present.count(name) > 1})
    problems += [Problem(f"{place}: column {name}", "stands there twice, under one name or another") for name in twice]
    if problems:
        raise Refused(problems)
    rows: list[dict[str, Any]] = []
    for number, texts in lines:
        row = {columns[name]: text for name, text in texts.items() if name in columns}
        where = f"{place}: row {number}"
        channel, system = _words(where, row, problems)
        numbers = {name: _number(where, row, name, problems) for name in wanted if name not in WORDS}
        rows.append({"channel": channel, "system": system} | numbers)
    if problems:
        raise Refused(problems)
    return rows


def _table(path: str | Path) -> tuple[list[str], list[tuple[int, Mapping[str, str]]]]:
    """Column names, and rows with their numbers; cells as text, numbers written plainly."""
    from cpalab.tables.frames import read_frame

    words = {name for ours in (*WORDS, "date") for name in (ours, *(k for k, v in ALSO_CALLED.items() if v == ours))}
    frame, _ = read_frame(path, texts=words)
    texts = frame.astype(object).where(frame.notna(), "").map(str)
    rows = [{str(name): text for name, text in row.items()} for row in texts.to_dict("records")]
    return list(map(str, texts.columns)), list(enumerate(rows, start=1))


def _known_columns(names: Sequence[str]) -> dict[str, str]:
    """File's name → our name, for the columns that are known."""
    known = {*WORDS, *COUNTS, *PRICES, *DAILY, *VALUES, *RETURNS, "value"}
    found = {}
    for name in names:
        plain = name.strip().casefold().replace(" ", "_")
        stem, end = plain, ""
        for ending in ("_before", "_after"):
            if plain.endswith(ending):
                stem, end = plain.removesuffix(ending), ending
        ours = ALSO_CALLED.get(stem, stem) + end
        if ours in known:
            found[name] = ours
    return found


def _words(place: str, row: Mapping[str, str], problems: list[Problem]) -> tuple[str, str]:
    channel, system = (row[name].strip() for name in WORDS)
    problems += [Problem(f"{place}: {name}", "is empty") for name in WORDS if not row[name].strip()]
    return channel, system.casefold()


def _number(
    place: str, row: Mapping[str, str], name: str, problems: list[Problem], *, empty: float | None = None
) -> float:
    """A number that is not negative; an empty cell is `empty`, or a problem."""
    text = row.get(name, "").strip()
    if not text and empty is not None:
        return empty
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        problems.append(
            Problem(f"{place}: {name.replace('actions', 'conversions')}", "must be a number, 0 or more", repr(text))
        )
        return math.nan
    return value


def _from_rows(
    place: str, cells: Sequence[tuple[Mapping[str, str], int]], problems: list[Problem]
) -> tuple[SeenRow, ...]:
    found: dict[tuple[str, str], tuple[SeenRow, ...]] = {}
    for row, line in cells:
        where = f"{place}: row {line}"
        key = _words(where, row, problems)
        if key in found:
            problems.append(Problem(where, "repeats an earlier row", " ".join(key)))
        if "cost_before" in row:
            sums = {name: _number(where, row, name, problems) for name in COUNTS}
            values = {name: _number(where, row, name, problems, empty=math.nan) for name in VALUES if name in row}
            found[key] = _figures(*key, sums, values)
        else:
            before = _number(where, row, "cpa_before", problems, empty=math.nan)
            gone = row["cpa_after"].strip().casefold() in ("", "inf", "∞", "–")
            after = math.nan if gone else _number(where, row, "cpa_after", problems)
            rows = [SeenRow(*key, "cpa", _ratio(after, before), emptied=gone and before > 0)]
            if set(RETURNS) <= row.keys():
                old, new = (_number(where, row, name, problems, empty=math.nan) for name in RETURNS)
                rows.append(SeenRow(*key, "roas", _ratio(new, old)))
            found[key] = tuple(rows)
    return tuple(row for rows in found.values() for row in rows)


def _from_days(
    place: str, cells: Sequence[tuple[Mapping[str, str], int]], live: date, problems: list[Problem]
) -> tuple[SeenRow, ...]:
    sums: dict[tuple[str, str], dict[str, float]] = {}
    values: dict[tuple[str, str], dict[str, float]] = {}
    sides = set()
    for row, line in cells:
        where = f"{place}: row {line}"
        key = _words(where, row, problems)
        try:
            side = "after" if date.fromisoformat(row["date"].strip()[:10]) >= live else "before"
        except ValueError:
            problems.append(Problem(f"{where}: date", "must be a day", repr(row["date"]), "write 2026-11-29"))
            continue
        sides.add(side)
        totals = sums.setdefault(key, dict.fromkeys(COUNTS, 0.0))
        for name in ("cost", "actions"):
            totals[f"{name}_{side}"] += _number(where, row, name, problems)
        if "value" in row:
            worth = values.setdefault(key, dict.fromkeys(VALUES, 0.0))
            worth[f"value_{side}"] += _number(where, row, "value", problems)
    if not problems and sides != {"before", "after"}:
        missing = "before" if "before" not in sides else "from"
        problems.append(Problem("--live", f"no row of {place} is {missing} this day on", str(live)))
    return tuple(row for key, totals in sums.items() for row in _figures(*key, totals, values.get(key, {})))


def _figures(channel: str, system: str, sums: Mapping[str, float], values: Mapping[str, float]) -> tuple[SeenRow, ...]:
    """CPA and, where value is known, ROAS of one channel in one system."""
    prices = [_ratio(sums[f"cost_{side}"], sums[f"actions_{side}"]) for side in ("before", "after")]
    counts = (sums["actions_before"], sums["actions_after"], sums["cost_before"], sums["cost_after"])
    emptied = sums["actions_before"] > 0 and sums["actions_after"] == 0 and sums["cost_after"] > 0
    rows = [SeenRow(channel, system, "cpa", _ratio(prices[1], prices[0]), *counts, emptied=emptied)]
    if values:
        returns = [_ratio(values[f"value_{side}"], sums[f"cost_{side}"]) for side in ("before", "after")]
        rows.append(SeenRow(channel, system, "roas", _ratio(returns[1], returns[0]), *counts))
    return tuple(rows)


def _ratio(over: float, under: float) -> float:
    return over / under if under > 0 and math.isfinite(over) else math.nan
