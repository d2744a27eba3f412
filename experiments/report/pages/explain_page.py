"""The page that explains a shift of CPA, as one HTML text that needs no network (money in currency units)."""

from dataclasses import dataclass

from experiments.comparison.explain.explain import Explanation, Shift
from experiments.comparison.explain.replays import INCREMENTAL
from experiments.comparison.explain.sentences import moved
from experiments.comparison.explain.waterfall import steps
from experiments.comparison.verdict import system_in_words
from experiments.report.charts.waterfall import waterfall_chart
from experiments.report.numerals import money, percent
from experiments.report.pages.page import Figure, figure_of, typeset
from experiments.report.palette import PAGE
from experiments.report.table import (
    WEEKS_READING,
    ColumnGroup,
    ReportTable,
    TableRow,
    kind_of,
    paid_channel,
    source_in_words,
    week_columns,
)
from experiments.truth.conversion_noun import ConversionNoun
from experiments.truth.effects import ALL
from simulator.scenario.schema import Run


@dataclass(frozen=True)
class ShiftFigure:
    """One channel in one system: what moved its CPA in a sentence, and as a waterfall where it moved."""

    heading: str
    sentence: str
    figure: Figure | None


@dataclass(frozen=True)
class ChannelShifts:
    """One channel in every system."""

    name: str
    shifts: tuple[ShiftFigure, ...]


@dataclass(frozen=True)
class ExplainPage:
    """Everything the page shows, before it is typeset; texts are plain and not yet escaped."""

    title: str
    currency: str
    action: ConversionNoun
    sentences: tuple[str, ...]
    together: ChannelShifts
    channels: tuple[ChannelShifts, ...]
    factors: ReportTable
    weeks: ReportTable
    weeks_reading: str
    run: Run | None


def render_explanation(found: Explanation, run: Run | None = None) -> str:
    """The page as HTML: style, scripts and data inlined, nothing loaded, every text escaped.

    Args:
        found: why CPA moved.
        run: how many people were simulated, for how long and from which seed, where the page is to say so.
    """
    channels = dict.fromkeys(shift.channel for shift in found.shifts if shift.channel != ALL)
    page = ExplainPage(
        found.title or "Your scenario",
        found.currency,
        found.action,
        tuple(found.summary().splitlines()),
        _channel(found, ALL, 0),
        tuple(_channel(found, channel, i) for i, channel in enumerate(channels, start=1)),
        factor_columns(found),
        week_columns(found.weeks),
        WEEKS_READING,
        run,
    )
    return typeset(page, "explain.html")


def _channel(found: Explanation, channel: str, number: int) -> ChannelShifts:
    own = [shift for shift in found.shifts if shift.channel == channel]
    return ChannelShifts(
        paid_channel(channel),
        tuple(_figure(found, shift, f"shift-{number}-{i}") for i, shift in enumerate(own)),
    )


def _figure(found: Explanation, shift: Shift, key: str) -> ShiftFigure:
    sentence = moved(found, shift)
    shown = steps(shift, found.causes)
    heading = "Truth" if shift.system == INCREMENTAL else source_in_words(shift.system)
    drawn = len(shown) > len(("before", "after"))
    figure = figure_of(key, waterfall_chart(shown, found.currency, PAGE), sentence) if drawn else None
    return ShiftFigure(heading, sentence, figure)


def factor_columns(found: Explanation) -> ReportTable:
    """CPA = cost per click ÷ conversion rate before and after, and the part of each factor in its shift."""
    factors = next((tuple(own.split.parts) for own in found.shifts if own.split and own.split.parts), ())
    groups = (
        ColumnGroup("Before", ("Cost per click", "Conversion rate"), "delivery", ()),
        ColumnGroup("After", ("Cost per click ", "Conversion rate "), "delivery", ()),
        ColumnGroup("Part in the shift of CPA", tuple(f.capitalize() for f in factors), "claimed"),
    )
    rows = [
        TableRow(
            f"{paid_channel(own.channel)}, {system_in_words(own.system)}",
            kind_of(own.channel),
            (
                money(own.split.cpc_before),
                percent(own.split.cvr_before, 2),
                money(own.split.cpc_after),
                percent(own.split.cvr_after, 2),
                *(money(own.split.parts.get(factor, float("nan"))) for factor in factors),
            ),
        )
        for own in found.shifts
        if own.split is not None
    ]
    return ReportTable(groups if factors else groups[:2], tuple(rows))
