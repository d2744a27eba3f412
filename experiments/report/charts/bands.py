"""The bands of a rollout: per figure its band, what is expected and what was seen, as factors on a logarithmic axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from experiments.report.charts.rows import FONT
from experiments.report.palette import LIGHT, Palette

if TYPE_CHECKING:
    import altair as alt

ROW = 26
NAMES = 260  # pixels for the names of figures


@dataclass(frozen=True)
class Band:
    """One figure, after ÷ before.

    Attributes:
        name: of it.
        lower, expected, upper: the band and its middle.
        seen: nan where nothing was.
        outside: whether what was seen lies outside.
    """

    name: str
    lower: float
    expected: float
    upper: float
    seen: float
    outside: bool


def band_chart(bands: Sequence[Band], title: str, palette: Palette = LIGHT) -> "alt.LayerChart":
    """A grey bar from end to end of each band, a tick at what is expected, a point at what was seen: outside a square.

    Args:
        bands: in the order of the rows.
        title: of the axis.
        palette: the colours.
    """
    import altair as alt

    rows = pd.DataFrame(
        [
            (b.name, b.lower, b.expected, b.upper, b.seen if b.seen > 0 else None, "outside" if b.outside else "within")
            for b in bands
        ],
        columns=["name", "lower", "expected", "upper", "seen", "verdict"],
    )
    ends = [*rows["lower"], *rows["upper"], *rows["seen"].dropna(), 1.0]
    scale = alt.Scale(type="log", domain=[min(ends) / 1.05, max(ends) * 1.05], nice=False)
    ticks = [t for t in (0.1, 0.2, 0.5, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0) if min(ends) <= t <= max(ends)]
    axis = alt.Axis(title=title, values=ticks, format="~g")
    y = alt.Y(
        "name:N", title=None, sort=rows["name"].tolist(),
        axis=alt.Axis(labelLimit=NAMES, minExtent=NAMES, maxExtent=NAMES, domain=False, ticks=False),
    )  # fmt: skip
    shown = [alt.Tooltip(f"{c}:Q", format=".2f") for c in ("seen", "expected", "lower", "upper")]
    base = alt.Chart(rows)
    verdicts = ["within", "outside"]
    layers = [
        base.mark_bar(height=ROW - 14, color=palette.line).encode(
            alt.X("lower:Q", scale=scale, axis=axis), alt.X2("upper:Q"), y, tooltip=["name:N", *shown]
        ),
        base.mark_tick(thickness=3, size=ROW - 8, color=palette.ink).encode(alt.X("expected:Q", scale=scale), y),
        base.transform_filter("isValid(datum.seen)")
        .mark_point(filled=True, size=90, opacity=1)
        .encode(
            alt.X("seen:Q", scale=scale),
            y,
            alt.Color(
                "verdict:N", scale=alt.Scale(range=[palette.true, palette.claimed], domain=verdicts), legend=None
            ),
            alt.Shape("verdict:N", scale=alt.Scale(range=["circle", "square"], domain=verdicts), legend=None),
            tooltip=["name:N", "verdict:N", *shown],
        ),
    ]
    chart = alt.layer(*layers).properties(width=420, height=ROW * max(len(rows), 1))
    styled: alt.LayerChart = chart.configure(font=FONT, background=palette.paper)
    return styled
