"""What the charts share: headings of rows, what pointing at a row tells, the style (sizes in pixels)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from experiments.report.palette import Palette

if TYPE_CHECKING:
    import altair as alt

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
HEADING_HEIGHT = 22
WIDTH = "width"  # Vega's name for the width of the view


def vertical(field: str = "y") -> "alt.Y":
    """A vertical place that is given in pixels."""
    import altair as alt

    return alt.Y(f"{field}:Q", scale=None, axis=None)


def row_headings(
    names: Sequence[str], remarks: Sequence[str], height: int, palette: Palette, room: int = 170
) -> list[Any]:
    """A line above each row, its name at the left, a remark at the right, on a ground without grid lines."""
    import altair as alt

    top = [height * i for i in range(len(names))]
    below = [y + HEADING_HEIGHT for y in top]
    rows = alt.Chart(pd.DataFrame({"name": list(names), "remark": list(remarks), "y": top, "below": below}))
    left, right, y = alt.value(0), alt.value(WIDTH), vertical()
    text: dict[str, Any] = {"dy": HEADING_HEIGHT // 2 + 1, "fontSize": 13, "baseline": "middle"}
    return [
        rows.mark_rect(color=palette.paper, opacity=1).encode(x=left, x2=right, y=y, y2="below:Q"),
        rows.mark_rule(stroke=palette.line).encode(x=left, x2=right, y=y),
        rows.mark_text(align="left", fontWeight=600, color=palette.ink, limit=room, **text).encode(
            x=left, y=y, text="name:N"
        ),
        rows.mark_text(align="right", color=palette.muted, **text).encode(x=right, y=y, text="remark:N"),
    ]


def row_tooltips(tooltips: Sequence[dict[str, str]], height: int) -> Any:
    """An invisible rectangle over each row that tells its numbers to whoever points at it."""
    import altair as alt

    frame = pd.DataFrame(list(tooltips))
    shown = [alt.Tooltip(f"{column}:N", title=column) for column in frame.columns]
    frame["y"] = [height * i for i in range(len(frame))]
    frame["below"] = frame["y"] + height
    return (
        alt.Chart(frame)
        .mark_rect(opacity=0)
        .encode(x=alt.value(0), x2=alt.value(WIDTH), y=vertical(), y2="below:Q", tooltip=shown)
    )


def in_style(layers: Sequence[Any], height: int, palette: Palette, width: int | str = "container") -> "alt.LayerChart":
    """The layers as one chart in the common style; its width in pixels, or that of the place where it is put.

    The marks have no descriptions of their own: the page tells a screen reader the summary of the figure instead.
    """
    from experiments.report.charts.notebook_chart import NotebookChart

    chart = (
        NotebookChart(layer=list(layers))
        .properties(width=width, height=height, background="transparent")
        .configure(font=FONT, aria=False, padding=2)
        .configure_view(stroke=None)
        .configure_axis(
            gridColor=palette.line,
            domainColor=palette.line,
            tickColor=palette.line,
            labelColor=palette.muted,
            labelFontSize=12,
            labelOverlap="greedy",
            titleColor=palette.muted,
            titleFontSize=12,
            titleFontWeight="normal",
        )
    )
    return cast("alt.LayerChart", chart)
