"""The waterfall: from CPA before to CPA after, a bar per cause (currency units)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.comparison.explain.waterfall import Step
from experiments.report.charts.rows import in_style
from experiments.report.numerals import money
from experiments.report.palette import LIGHT, Palette

if TYPE_CHECKING:
    import altair as alt

ROW_HEIGHT = 30
NAMES_WIDTH = 210  # pixels for the names of causes, the same in every waterfall of a page


def waterfall_chart(steps: Sequence[Step], currency: str, palette: Palette = LIGHT) -> "alt.LayerChart":
    """Before and after from 0, each cause from where the one before it ended; real causes blue, the record's orange."""
    import altair as alt

    color = {"real": palette.true, "record": palette.claimed, "time": palette.muted, "whole": palette.ink}
    rows = pd.DataFrame(
        {
            "row": range(len(steps)),
            "name": [step.name for step in steps],
            "start": [step.start for step in steps],
            "end": [step.end for step in steps],
            "edge": [max(step.start, step.end, 0.0) for step in steps],
            "color": [color[step.kind] for step in steps],
            "text": [written(step) for step in steps],
        }
    )
    names = rows["name"].tolist()
    low, high = float(rows[["start", "end"]].min().min()), float(rows["edge"].max())
    x = alt.X(
        "start:Q",
        scale=alt.Scale(domain=[min(low, 0.0), 1.18 * high], nice=False),
        axis=alt.Axis(title=currency, tickCount=6, grid=True),
    )
    y = alt.Y(
        "row:O",
        axis=alt.Axis(
            title=None, domain=False, ticks=False, labelLimit=NAMES_WIDTH, minExtent=NAMES_WIDTH, maxExtent=NAMES_WIDTH,
            labelExpr=f"{json_list(names)}[datum.value]",
        ),
    )  # fmt: skip
    shown = [alt.Tooltip("name:N", title="Cause"), alt.Tooltip("text:N", title=currency)]
    chart = alt.Chart(rows)
    text: dict[str, Any] = {"align": "left", "dx": 5, "baseline": "middle", "color": palette.ink, "fontSize": 12}
    layers = [
        chart.mark_bar(height=ROW_HEIGHT - 12).encode(
            x, y, alt.X2("end:Q"), alt.Color("color:N", scale=None), tooltip=shown
        ),
        chart.mark_text(**text).encode(alt.X("edge:Q"), y, alt.Text("text:N")),
    ]
    return in_style(layers, ROW_HEIGHT * len(steps), palette)


def written(step: Step) -> str:
    """The whole of before and after; of a cause what it adds, with its sign, and its standard error where it has one."""
    if step.kind == "whole":
        return money(step.end)
    sign = "+" if step.part > 0 else ""
    return f"{sign}{money(step.part)}" + (f" ± {money(step.error)}" if step.error > 0 else "")


def json_list(names: Sequence[str]) -> str:
    """Names as a list in an expression of the chart."""
    import json

    return json.dumps(list(names))
