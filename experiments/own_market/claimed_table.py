"""A table of what each system counts per channel (actions), wide or long, as `reconcile` takes it."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from cpalab.refusal import Problem, Refused
from cpalab.tables.frames import read_frame
from experiments.own_market.gap_causes import CLAIM_SYSTEMS, RATES
from experiments.own_market.reconcile import ClaimedFigures
from experiments.rollout.seen_periods import read_table

__all__ = ["read_claimed"]

CHANNEL = "channel"


def read_claimed(path: str | Path) -> tuple[ClaimedFigures, ...]:
    """Each channel's figures from a table: `channel, platform, analytics, crm`, or `channel, system, conversions`.

    Further columns of the wide form that are named like a rate (`view`, `consent` …) hold that rate of the channel. An empty
    cell is a figure that is not known.

    Raises:
        Refused: columns are missing, a cell is no number, a channel or a system of it stands there twice; all at once.
    """
    frame, _ = read_frame(path, texts={CHANNEL, "Channel", "system", "System"})
    plain = {str(name).strip().casefold().replace(" ", "_"): name for name in frame.columns}
    systems = [name for name in CLAIM_SYSTEMS if name in plain]
    if len(systems) < 2 and "system" in plain:
        return _long(path)
    place = str(path)
    problems = []
    if CHANNEL not in plain:
        problems.append(Problem(f"{place}: column {CHANNEL}", "is missing", hint=f"it has {', '.join(plain)}"))
    if len(systems) < 2:
        hint = "or channel, system, conversions with a row per system"
        problems.append(
            Problem(f"{place}: columns", f"must hold at least two of {', '.join(CLAIM_SYSTEMS)}", hint=hint)
        )
    if problems:
        raise Refused(problems)
    numbers = {}
    for name in [*systems, *(rate for rate in RATES if rate in plain)]:
        column = pd.to_numeric(frame[plain[name]], errors="coerce")
        given = frame[plain[name]].notna() & (frame[plain[name]].astype(str).str.strip() != "")
        problems += [
            Problem(f"{place}: row {row + 1}: {name}", "must be a number, or empty", repr(frame[plain[name]].iloc[row]))
            for row in range(len(frame))
            if given.iloc[row] and math.isnan(column.iloc[row])
        ]
        numbers[name] = column
    if problems:
        raise Refused(problems)
    found = []
    for row, channel in enumerate(frame[plain[CHANNEL]]):
        counts: dict[str, Any] = {name: float(numbers[name].iloc[row]) for name in systems}
        rates = {n: float(c.iloc[row]) for n, c in numbers.items() if n in RATES and not math.isnan(c.iloc[row])}
        found.append(ClaimedFigures(str(channel), **counts, rates=rates))
    return tuple(found)


def _long(path: str | Path) -> tuple[ClaimedFigures, ...]:
    rows = read_table(path, ("channel", "system", "actions"))
    problems = [
        Problem(f"{path}: row {number}: system", f"must be one of {', '.join(CLAIM_SYSTEMS)}", repr(row["system"]))
        for number, row in enumerate(rows, start=1)
        if row["system"] not in CLAIM_SYSTEMS
    ]
    found: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows, start=1):
        counts = found.setdefault(row["channel"], {})
        if row["system"] in counts:
            problems.append(
                Problem(f"{path}: row {number}", "repeats an earlier row", f"{row['channel']} {row['system']}")
            )
        counts[row["system"]] = row["actions"]
    if problems:
        raise Refused(problems)
    return tuple(ClaimedFigures(channel, **counts) for channel, counts in found.items())
