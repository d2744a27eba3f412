"""A page of figures: per section a sentence, a chart and a table, as one HTML text without scripts and network."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.report.figure_files import svg_of
from experiments.report.typesetting import pour

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Section", "render_figures"]


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        heading: its title.
        sentence: what the chart and the table say, in words.
        chart: an Altair chart; None without.
        table: shown as it is, numbers with three digits.
    """

    heading: str
    sentence: str
    chart: Any
    table: "pd.DataFrame"


def render_figures(title: str, introduction: Sequence[str], sections: Sequence[Section]) -> str:
    """The page; the same sections give the same text.

    Args:
        title: of the page.
        introduction: paragraphs before the sections.
        sections: in their order.
    """
    from markupsafe import Markup

    shown = [
        {
            "heading": section.heading,
            "sentence": section.sentence,
            "svg": "" if section.chart is None else Markup(svg_of(section.chart)),
            "columns": [str(name).replace("_", " ") for name in section.table.columns],
            "rows": [[_cell(value) for value in row] for row in section.table.itertuples(index=False)],
        }
        for section in sections
    ]
    return pour("figures.html", title=title, introduction=introduction, sections=shown)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3g}"
    return str(value)
