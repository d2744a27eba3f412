"""The interval chart: a row per name with a dot and the line of its interval, readable without colour."""

from typing import TYPE_CHECKING

import pandas as pd

from experiments.report.charts.rows import FONT
from experiments.report.palette import LIGHT, Palette

if TYPE_CHECKING:
    import altair as alt

ROW = 30


def interval_chart(
    frame: pd.DataFrame,
    name: str,
    value: str,
    lower: str,
    upper: str,
    title: str,
    *,
    span: tuple[float, float] | None = None,
    palette: Palette = LIGHT,
) -> "alt.LayerChart":
    """Values with their intervals, in the order of the rows; rows without a value are left out.

    Args:
        frame: one row per name.
        name, value, lower, upper: its columns.
        title: what the values are, with their unit.
        span: what the axis shows at least.
        palette: the colours.
    """
    import altair as alt

    known = frame.dropna(subset=[value])[[name, value, lower, upper]].astype({name: str})
    ends = [*known[value], *known[lower].dropna(), *known[upper].dropna(), *(span or ())]
    scale = alt.Scale(domain=[min(ends), max(ends)]) if ends else alt.Scale()
    x = alt.X(f"{value}:Q", title=title, scale=scale)
    y = alt.Y(f"{name}:N", title=None, sort=list(dict.fromkeys(known[name])), axis=alt.Axis(labelLimit=400))
    base = alt.Chart(known)
    line = base.mark_rule(strokeWidth=3, color=palette.muted).encode(
        alt.X(f"{lower}:Q", title=title), alt.X2(f"{upper}:Q"), y
    )
    dot = base.mark_point(filled=True, size=90, color=palette.true, opacity=1).encode(x, y)
    chart = alt.layer(line, dot).properties(width=420, height=ROW * max(len(known), 1))
    styled: alt.LayerChart = chart.configure(font=FONT, background=palette.paper)
    return styled
