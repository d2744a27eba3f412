"""The page of what was seen after a rollout: CPA before and after, bands and what was seen, those outside first (currency; factors)."""

import math
from dataclasses import dataclass

from experiments.comparison.verdict import system_in_words
from experiments.report.charts.bands import Band, band_chart
from experiments.report.numerals import UNDEFINED, money
from experiments.report.pages.page import Figure, figure_of, typeset
from experiments.report.palette import PAGE
from experiments.report.table import ColumnGroup, ReportTable, TableRow, kind_of, paid_channel
from experiments.rollout.check_rollout import GateRow
from experiments.rollout.diagnosis import Diagnosis
from experiments.rollout.observed_file import Observation, Observations
from experiments.rollout.rollout import CpaShift, Rollout
from simulator.scenario.schema import Run

__all__ = ["render_seen"]

AXIS = "CPA after ÷ CPA before"


@dataclass(frozen=True)
class SeenPage:
    """Everything the page shows, before it is typeset; texts are plain and not yet escaped."""

    title: str
    verdict: str
    sentences: tuple[str, ...]
    outside: tuple[str, ...]
    diagnosis: tuple[str, ...]
    bands: Figure | None
    table: ReportTable
    seen: bool
    people: int
    run: Run | None


def render_seen(
    found: Rollout, seen: Observations | None = None, diagnosis: Diagnosis | None = None, run: Run | None = None
) -> str:
    """The page as HTML: style, scripts and data inlined, nothing loaded, every text escaped.

    Args:
        found: what to expect.
        seen: what was noted before and after; without it the page shows bands alone.
        diagnosis: what explains it.
        run: how many people were simulated, for how long and from which seed, where the page is to say so.
    """
    judged = None if seen is None else seen.judged(found.contract())
    rows = {} if judged is None else {(r.channel, r.system): r for r in judged.rows if r.metric == "cpa"}
    noted = {} if seen is None else {(o.channel, o.system): o for o in (*seen.rows, *seen.sums) if not o.part}
    shifts = sorted(found.shifts, key=lambda shift: _order(rows.get((shift.channel, shift.system))))
    bands = [band for shift in shifts if (band := _band(shift, rows.get((shift.channel, shift.system)))) is not None]
    figure = figure_of("bands", band_chart(bands, AXIS, PAGE), _in_words(bands)) if bands else None
    page = SeenPage(
        found.plan.title or "Rollout",
        "" if judged is None else judged.verdict(),
        tuple(found.summary().splitlines()),
        () if judged is None else tuple(str(row) for row in judged.of("outside")),
        () if diagnosis is None else tuple(diagnosis.summary().splitlines()),
        figure,
        _table(shifts, rows, noted, with_seen=seen is not None),
        seen is not None,
        found.people,
        run,
    )
    return typeset(page, "seen.html")


def _order(row: GateRow | None) -> tuple[int, float]:
    """Figures outside first, the farthest first; then those judged; the others in their order."""
    if row is None:
        return 2, 0.0
    return (0 if row.verdict == "outside" else 1 if row.verdict == "within" else 2), -row.distance


def _name(shift: CpaShift) -> str:
    return f"{paid_channel(shift.channel)} · {system_in_words(shift.system)}"


def _band(shift: CpaShift, row: GateRow | None) -> Band | None:
    """The band as it was judged, else that of two periods of the run's length; None where there is none."""
    lower, upper = (shift.alert_lower, shift.alert_upper)
    if row is not None and math.isfinite(row.lower):
        lower, upper = row.lower, row.upper
    if not (math.isfinite(lower) and math.isfinite(upper) and shift.multiplier > 0 and lower > 0):
        return None
    seen, outside = (row.seen, row.verdict == "outside") if row is not None else (math.nan, False)
    return Band(_name(shift), lower, shift.multiplier, upper, seen, outside)


def _in_words(bands: list[Band]) -> str:
    outside = [band for band in bands if band.outside]
    listed = "; ".join(
        f"{band.name}: {f'seen × {band.seen:.2f}' if band.seen > 0 else 'nothing counted any more'}, "
        f"band {band.lower:.2f} to {band.upper:.2f}"
        for band in outside
    )
    return f"{len(bands)} bands. Outside: {listed}." if outside else f"{len(bands)} bands; nothing seen lies outside."


def _table(
    shifts: list[CpaShift], rows: dict[tuple[str, str], GateRow], noted: dict[tuple[str, str], Observation], *,
    with_seen: bool,
) -> ReportTable:  # fmt: skip
    groups = [
        ColumnGroup("Expected, simulated", ("CPA before", "CPA after", "×", "suspect a bug outside"), "claimed"),
        *([ColumnGroup("Seen", ("CPA before ", "CPA after ", "× ", "verdict"), "true")] if with_seen else []),
    ]
    lines = []
    for shift in shifts:
        row, own = rows.get((shift.channel, shift.system)), noted.get((shift.channel, shift.system))
        ends = (shift.alert_lower, shift.alert_upper) if row is None else (row.lower, row.upper)
        band = f"{_factor(ends[0])} to {_factor(ends[1])}" if math.isfinite(ends[0]) else UNDEFINED
        cells = [money(shift.cpa_today), money(shift.cpa_tomorrow), _factor(shift.multiplier), band]
        if with_seen:
            prices = (math.nan, math.nan) if own is None else (own.cpa_before, own.cpa_after)
            verdict = "not noted" if row is None else row.verdict
            cells += [money(prices[0]), money(prices[1]), _factor(math.nan if row is None else row.seen), verdict]
        lines.append(TableRow(_name(shift), kind_of(shift.channel), tuple(cells)))
    return ReportTable(tuple(groups), tuple(lines), "Channel and system")


def _factor(value: float) -> str:
    return f"{value:z.2f}" if math.isfinite(value) else UNDEFINED
