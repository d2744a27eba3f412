"""The interval chart: a row per name with its interval as a bar and marks upon it, told apart by shape as well as colour."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from experiments.report.charts.rows import in_style, row_headings, vertical
from experiments.report.palette import LIGHT

if TYPE_CHECKING:
    import altair as alt

__all__ = ["ESTIMATE", "Mark", "interval_chart", "mark_chart"]

ROW_HEIGHT, MARK_BELOW = 46, 32
WIDE = 640  # pixels, where nobody asks for another width
ROOM_FOR_NAMES = 230
MOST_OF_LOG = 1e4  # the widest logarithmic axis, from the least to the greatest value


@dataclass(frozen=True)
class Mark:
    """What a symbol stands for.

    Attributes:
        column: of the frame, where its place is.
        text: what it is, for the key.
        shape: circle, diamond, square or triangle-up.
        kind: the colour of the palette: claimed, true, organic or muted.
    """

    column: str
    text: str
    shape: Literal["circle", "diamond", "square", "triangle-up"] = "circle"
    kind: Literal["claimed", "true", "organic", "muted"] = "true"


ESTIMATE = Mark("", "estimate")


def interval_chart(
    frame: pd.DataFrame,
    name: str,
    value: str,
    lower: str,
    upper: str,
    title: str,
    *,
    span: tuple[float, float] | None = None,
) -> "alt.LayerChart":
    """Values with their intervals, in the order of the rows; rows without a value are left out.

    Args:
        frame: one row per name.
        name, value, lower, upper: its columns.
        title: what the values are, with their unit.
        span: what the axis shows at least.
    """
    return mark_chart(
        frame.dropna(subset=[value]), name, (replace(ESTIMATE, column=value),), title, interval=(lower, upper), span=span,
    )  # fmt: skip


def mark_chart(
    frame: pd.DataFrame,
    name: str,
    marks: Sequence[Mark],
    title: str,
    *,
    interval: tuple[str, str] | None = None,
    remark: str = "",
    reference: float | None = 0.0,
    log: bool = False,
    span: tuple[float, float] | None = None,
    number_format: str = "",
) -> "alt.LayerChart":
    """A row per name: its interval as a bar, its marks upon it; what has no place on the axis has no mark.

    An end that is unbounded, or on a logarithmic axis not above zero, runs to the edge of the axis.

    Args:
        frame: one row per name, in their order.
        name: the column of names, shown above each row; remark: of what stands at the right of the name.
        marks: what is drawn, the later above the earlier.
        title: of the axis, with its unit.
        interval: the columns of the lower and the upper end.
        reference: where an upright line is drawn, within what the axis shows.
        log: a logarithmic axis.
        span: what the axis shows at least.
        number_format: of the axis, as d3 writes it.
    """
    import altair as alt

    ends = list(interval or ())
    columns = [*(mark.column for mark in marks), *ends]
    known = frame.reset_index(drop=True)
    low, high = _extent(known[columns].to_numpy(float).ravel().tolist(), log, span, reference)
    scale = alt.Scale(type="log" if log else "linear", domain=[low, high], nice=False, padding=10)
    given: dict[str, Any] = {"format": number_format} if number_format else {}
    given |= {"values": _ticks(low, high), "format": "~g" if high < 1000 else ",~f"} if log else {"tickCount": 6}
    axis = alt.Axis(title=title, labelFlush=True, **given)
    x = alt.X("x:Q", scale=scale, axis=axis)
    top = [ROW_HEIGHT * i + MARK_BELOW for i in range(len(known))]
    remarks = [str(text) for text in known[remark]] if remark else [""] * len(known)
    layers: list[Any] = []
    if reference is not None and low <= reference <= high:
        layers.append(
            alt.Chart(pd.DataFrame({"x": [reference]})).mark_rule(stroke=LIGHT.muted, strokeDash=[3, 3]).encode(x=x)
        )
    layers += row_headings([str(text) for text in known[name]], remarks, ROW_HEIGHT, LIGHT, ROOM_FOR_NAMES)
    if interval is not None:
        bars = pd.DataFrame({"x": known[interval[0]].astype(float), "x2": known[interval[1]].astype(float), "y": top})
        bars = bars[bars["x"].notna() & bars["x2"].notna() & (bars["x2"] >= low) & (bars["x"] <= high)]
        bars = bars.assign(x=bars["x"].clip(low, high), x2=bars["x2"].clip(low, high))
        layers.append(
            alt.Chart(bars).mark_rule(stroke=LIGHT.tested, strokeWidth=12, strokeCap="butt").encode(
                x=x, x2="x2:Q", y=vertical()
            )
        )  # fmt: skip
    for mark in marks:
        places = pd.DataFrame({"x": known[mark.column].astype(float), "y": top})
        places = places[(places["x"] >= low) & (places["x"] <= high)]
        layers.append(
            alt.Chart(places).mark_point(
                shape=mark.shape, filled=True, size=110, opacity=1, color=getattr(LIGHT, mark.kind),
                stroke=LIGHT.paper, strokeWidth=1,
            ).encode(x=x, y=vertical())
        )  # fmt: skip
    return in_style(layers, ROW_HEIGHT * max(len(known), 1), LIGHT, WIDE)


def _extent(
    values: Sequence[float], log: bool, span: tuple[float, float] | None, reference: float | None
) -> tuple[float, float]:
    """From the least to the greatest value that has a place on the axis."""
    shown = [*values, *(span or ()), *(() if reference is None else (reference,))]
    placed = [v for v in shown if math.isfinite(v) and (v > 0 or not log)]
    if not placed:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = min(placed), max(placed)
    if log:
        return max(low, high / MOST_OF_LOG) / 1.1, high * 1.1
    room = 0.03 * (high - low) or 1.0
    return low - (room if low else 0.0), high + (room if high else 0.0)


def _ticks(low: float, high: float) -> list[float]:
    """Ones, twos and fives of each power of ten on a logarithmic axis; ones alone where that would be many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if len(powers) <= 3 else (1,)
    return [digit * 10.0**power for power in powers for digit in digits if low <= digit * 10.0**power <= high]
