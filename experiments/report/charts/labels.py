"""The label chart: all orders as one bar per set of ads, always, moved and caused (shares of all orders)."""

from typing import TYPE_CHECKING

import pandas as pd

from experiments.comparison.comparison import Comparison
from experiments.report.charts.rows import in_style, row_headings, row_tooltips, vertical
from experiments.report.frames import label_frame
from experiments.report.numerals import count, percent
from experiments.report.palette import LIGHT, Palette
from experiments.report.wording import ads_in_words

if TYPE_CHECKING:
    import altair as alt

ROW_HEIGHT, BAR_BELOW, BAR_HEIGHT = 52, 24, 20
SHARE_WITH_ROOM = 0.10  # a segment this wide has room for its percentage on a phone


def label_chart(comparison: Comparison, palette: Palette = LIGHT) -> "alt.LayerChart":
    """Per set of ads the orders of the world as one bar: always, moved, caused."""
    import altair as alt

    frame = label_frame(comparison)
    channels = list(dict.fromkeys(frame["channel"]))
    own = {channel: frame[frame["channel"] == channel] for channel in channels}
    names, caused = [ads_in_words(c) for c in channels], [_caused(own[c]) for c in channels]
    bars = frame[["start", "stop"]].assign(
        middle=(frame["start"] + frame["stop"]) / 2,
        y=[ROW_HEIGHT * channels.index(channel) + BAR_BELOW for channel in frame["channel"]],
        text=[_percentage(share) for share in frame["share"]],
        fill=[palette.true if label == "caused" else getattr(palette, label) for label in frame["label"]],
        on_fill=[palette.paper if label == "caused" else palette.ink for label in frame["label"]],
    )
    bars["below"] = bars["y"] + BAR_HEIGHT
    chart, scale = alt.Chart(bars), alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(
        format=".0%", title=f"share of all {comparison.action.many}", tickCount=5, grid=False, labelFlush=True
    )
    layers = [
        *row_headings(names, caused, ROW_HEIGHT, palette),
        chart.mark_rect(stroke=palette.paper, strokeWidth=1).encode(
            alt.X("start:Q", scale=scale, axis=axis),
            alt.X2("stop:Q"),
            vertical(),
            alt.Y2("below:Q"),
            alt.Fill("fill:N", scale=None),
        ),
        chart.mark_text(fontSize=12, fontWeight=600, dy=BAR_HEIGHT / 2, baseline="middle").encode(
            alt.X("middle:Q", scale=scale), vertical(), alt.Text("text:N"), alt.Color("on_fill:N", scale=None)
        ),
        row_tooltips([_tooltip(channel, own[channel]) for channel in channels], ROW_HEIGHT),
    ]
    return in_style(layers, ROW_HEIGHT * len(channels), palette)


def _percentage(share: float) -> str:
    """In whole percent where there is room, unless that would make nearly all into all."""
    if share < SHARE_WITH_ROOM:
        return ""
    return percent(share, 1 if 0.99 < share < 1 else 0)


def _caused(own: pd.DataFrame) -> str:
    told = {label: (orders, share) for label, orders, share in _labels(own)}
    orders, share = told["caused"]
    return f"{count(orders)} caused ({percent(share, 1)})"


def _tooltip(channel: str, own: pd.DataFrame) -> dict[str, str]:
    told = {label.capitalize(): f"{count(orders)} ({percent(share, 1)})" for label, orders, share in _labels(own)}
    return {"Ads": ads_in_words(channel), **told, "Prevented": count(int(own["prevented"].iloc[0]))}


def _labels(own: pd.DataFrame) -> list[tuple[str, int, float]]:
    return list(zip(own["label"].tolist(), own["orders"].tolist(), own["share"].tolist(), strict=True))
