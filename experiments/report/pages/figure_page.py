"""A page of figures: per section a sentence, a chart and a table, as one HTML text without scripts and network."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from experiments.report.figure_files import svg_of
from experiments.report.numerals import plain
from experiments.report.palette import LIGHT
from experiments.report.typesetting import pour, text_of

if TYPE_CHECKING:
    import pandas as pd

    from experiments.report.charts.intervals import Mark

__all__ = ["KeyNumber", "Section", "render_figures"]

WIDTHS = {"wide": 640, "narrow": 310}  # pixels of each drawing: of a desk, of a phone


@dataclass(frozen=True)
class KeyNumber:
    """A number a busy reader takes home, and what it says; its kind (claimed, true, always) gives the colour."""

    value: str
    meaning: str
    kind: str = "true"


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        heading: its title.
        sentence: what the chart and the table say, in words.
        chart: an Altair chart in the colours `palette.LIGHT`, its names above its rows, so that it can be narrow; None
            without.
        table: its columns by their names in words; text as it is, numbers without false precision.
        marks: what the symbols of the chart are.
        interval: what its bars are; empty without.
        folded: the table is shown when asked for.
    """

    heading: str
    sentence: str
    chart: Any
    table: "pd.DataFrame"
    marks: Sequence["Mark"] = ()
    interval: str = ""
    folded: bool = False


def render_figures(
    title: str,
    introduction: Sequence[str],
    sections: Sequence[Section],
    *,
    kicker: str = "",
    numbers: Sequence[KeyNumber] = (),
    assumed: str = "",
) -> str:
    """The page; the same sections give the same text.

    Args:
        title: of the page.
        introduction: paragraphs before the sections, the first the finding.
        sections: in their order.
        kicker: what the page is about, above the title.
        numbers: what is to be taken home, before everything else.
        assumed: what the numbers rest on, after everything else.
    """
    shown = [
        {
            "heading": section.heading,
            "sentence": section.sentence,
            "svgs": _drawn(section.chart),
            "key": [(mark.shape, mark.kind, mark.text) for mark in section.marks],
            "interval": section.interval,
            "folded": section.folded,
            "columns": [str(name).replace("_", " ") for name in section.table.columns],
            "rows": [[_cell(value) for value in row] for row in section.table.itertuples(index=False)],
        }
        for section in sections
    ]
    return pour(
        "figures.html", style=text_of("page.css"), title=title, kicker=kicker, numbers=numbers, introduction=introduction,
        sections=shown, assumed=assumed,
    )  # fmt: skip


def _drawn(chart: Any) -> dict[str, Any]:
    """The chart once for a desk and once for a phone, of which a page shows the one that fits."""
    from markupsafe import Markup

    if chart is None:
        return {}
    return {name: Markup(_in_page_colours(svg_of(chart.properties(width=width)))) for name, width in WIDTHS.items()}


def _in_page_colours(svg: str) -> str:
    """The light colours by their names, so that light, dark and print are a matter of style alone."""
    for colour in fields(LIGHT):
        svg = svg.replace(f'"{getattr(LIGHT, colour.name)}"', f'"var(--{colour.name})"')
    return svg


def _cell(value: Any) -> str:
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value) if isinstance(value, int | float) else str(value).replace("_", " ")
