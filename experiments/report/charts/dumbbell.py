"""The dumbbell chart: per channel the attributed and the true price of an order (currency units)."""

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from experiments.comparison.comparison import Comparison
from experiments.comparison.verdict import words
from experiments.report.charts.rows import in_style, row_headings, row_tooltips, vertical
from experiments.report.frames import LEVEL, dumbbell_frame
from experiments.report.numerals import UNBOUNDED, money, percent, span
from experiments.report.order_of_channels import models
from experiments.report.palette import LIGHT, Palette
from experiments.report.scale import PriceAxis
from experiments.report.wording import beside_name, ends_in_words
from experiments.truth.conversion_noun import ConversionNoun

if TYPE_CHECKING:
    import altair as alt

ROW_HEIGHT, MARK_BELOW, LABEL_BELOW = 74, 40, 61
ARROWS = {"left": "M0,-0.8L-1,0L0,0.8Z", "right": "M0,-0.8L1,0L0,0.8Z"}  # SVG paths that start where a bar ends
OTHER_MODEL_SHAPES = ("square", "triangle-up", "cross", "triangle-down")

Marks = dict[str, list[dict[str, Any]]]


def dumbbell_chart(comparison: Comparison, palette: Palette = LIGHT) -> "alt.LayerChart":
    """Per channel a line from attributed (circle) to true CPA (diamond), over the lift test's interval."""
    import altair as alt

    frame, compared = dumbbell_frame(comparison), models(comparison)
    axis = price_axis(frame, compared)
    marks = dumbbell_marks(frame, axis, other_model_shapes(comparison))
    rows = _records(frame)
    names, remarks = [words(row["channel"]) for row in rows], [beside_name(row, comparison.action) for row in rows]
    x = alt.X(
        "x:Q",
        scale=alt.Scale(type="log", domain=[axis.low, axis.edge], nice=False, padding=34),
        axis=alt.Axis(
            values=axis.ticks(),
            labelExpr=f"datum.value > {axis.past_high!r} ? '{UNBOUNDED}' : "
            "format(datum.value, datum.value < 1 ? '~g' : ',~f')",
            labelFontSize={
                "condition": {"test": f"datum.value > {axis.past_high!r}", "value": 18},
                "value": 12,
            },
            title=f"{comparison.currency} per {comparison.action.one}, logarithmic",
        ),
    )
    y, shape = vertical(), alt.Shape("shape:N", scale=None)

    def points(name: str) -> "alt.Chart":
        return alt.Chart(pd.DataFrame(marks[name], columns=["x", "y"])).encode(x, y)

    def shapes(name: str) -> "alt.Chart":
        return alt.Chart(pd.DataFrame(marks[name], columns=["x", "y", "shape"])).encode(x, y, shape)

    def lines(name: str) -> "alt.Chart":
        return alt.Chart(pd.DataFrame(marks[name], columns=["x", "x2", "y"])).encode(x, alt.X2("x2:Q"), y)

    labels = pd.DataFrame(marks["label"], columns=["x", "y", "text", "align", "size", "claimed"])
    labels["color"] = [palette.claimed if claimed else palette.true for claimed in labels["claimed"]]
    outer: tuple[tuple[Literal["left", "center", "right"], int], ...] = (
        ("left", 3),
        ("center", 0),
        ("right", -3),
    )
    texts = alt.Chart(labels).encode(
        x, y, alt.Text("text:N"), alt.Color("color:N", scale=None), alt.Size("size:Q", scale=None)
    )
    outlined: dict[str, Any] = {"filled": True, "stroke": palette.paper, "strokeWidth": 1, "opacity": 1}
    layers = [
        *row_headings(names, remarks, ROW_HEIGHT, palette),
        lines("interval").mark_rule(stroke=palette.tested, strokeWidth=16, strokeCap="butt"),
        shapes("arrow").mark_point(filled=True, size=680, color=palette.tested, opacity=1),
        points("estimate").mark_tick(
            orient="vertical", height=16, thickness=2, color=palette.true, opacity=0.65
        ),
        lines("link").mark_rule(stroke=palette.muted, strokeWidth=2.5),
        shapes("other").mark_point(filled=False, size=52, strokeWidth=1.5, color=palette.claimed, opacity=0.75),
        points("claimed").mark_point(size=200, color=palette.claimed, **outlined),
        points("true").mark_point(size=160, shape="diamond", color=palette.true, **outlined),
        *(
            texts.transform_filter(alt.datum.align == align).mark_text(
                align=align, dx=dx, fontWeight=600, baseline="middle"
            )
            for align, dx in outer
        ),
        row_tooltips([_tooltip(row, compared, comparison.action) for row in rows], ROW_HEIGHT),
    ]  # fmt: skip
    return in_style(layers, ROW_HEIGHT * len(rows), palette)


def price_axis(frame: pd.DataFrame, compared: tuple[str, ...]) -> PriceAxis:
    """The axis for a dumbbell frame: every price, and the intervals as far as they do not dwarf the prices."""
    rows = _records(frame)
    prices = [row[f"{model}_cpa"] for row in rows for model in compared]
    prices += [_true_price(row) for row in rows]
    return PriceAxis.around(prices, frame[["lift_cpa_lower", "lift_cpa_upper"]].to_numpy().ravel())


def dumbbell_marks(frame: pd.DataFrame, axis: PriceAxis, shapes: dict[str, str]) -> Marks:
    """Where every mark of a dumbbell frame is drawn: `x` on the axis, `y` in pixels.

    Args:
        frame: as `dumbbell_frame` gives it.
        axis: where prices lie.
        shapes: the symbol of each model but the first.

    Returns:
        Lists of `interval`, `arrow` (an end of an interval that goes on), `estimate`, `link`, `other` (models but
        the first), `claimed`, `true` and `label`. What has no price has no mark.
    """
    marks: Marks = defaultdict(list)
    first = next(column for column in frame.columns if column.endswith("_cpa"))
    for i, row in enumerate(_records(frame)):
        at = {"y": ROW_HEIGHT * i + MARK_BELOW}
        _add_interval(marks, axis, row, at)
        here, there = axis.place(row[first]), axis.place(_true_price(row))
        if here is not None and there is not None:
            marks["link"].append({"x": here, "x2": there, **at})
        for model, shape in shapes.items():
            if (place := axis.place(row[f"{model}_cpa"])) is not None:
                marks["other"].append({"x": place, "shape": shape, **at})
        below = {"y": ROW_HEIGHT * i + LABEL_BELOW}
        for name, place, other, price in (
            ("claimed", here, there, row[first]),
            ("true", there, here, row["true_cpa"]),
        ):
            if place is not None:
                marks[name].append({"x": place, **at})
                marks["label"].append(
                    {"x": place, **_price_label(axis, price, place, other, name == "claimed"), **below}
                )
    return marks


def other_model_shapes(comparison: Comparison) -> dict[str, str]:
    """The symbol of each model but the first."""
    return {model: OTHER_MODEL_SHAPES[i % len(OTHER_MODEL_SHAPES)] for i, model in enumerate(models(comparison)[1:])}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def _true_price(row: dict[str, Any]) -> float:
    """Ads that lost orders are drawn where those are that caused none: no money bought an order."""
    lost = row["cost"] > 0 and row["incremental_conversions"] < 0
    return math.inf if lost else float(row["true_cpa"])


def _add_interval(marks: Marks, axis: PriceAxis, row: dict[str, Any], at: dict[str, int]) -> None:
    lower, upper = row["lift_cpa_lower"], row["lift_cpa_upper"]
    if math.isnan(lower) or math.isinf(lower):
        return
    start, stop = axis.place(lower) or axis.low, axis.place(upper) or axis.low
    marks["interval"].append({"x": start, "x2": stop, **at})
    if axis.cuts(lower):
        marks["arrow"].append({"x": start, "shape": ARROWS["left"], **at})
    if axis.cuts(upper) or math.isinf(upper):
        marks["arrow"].append({"x": stop, "shape": ARROWS["right"], **at})
    if axis.low <= row["lift_cpa"] <= axis.high:
        marks["estimate"].append({"x": row["lift_cpa"], **at})


def _price_label(axis: PriceAxis, price: float, place: float, other: float | None, claimed: bool) -> dict[str, Any]:
    """The price under its mark or, where the other mark is close, on the outer side of it."""
    align = "center"
    if other is not None and not axis.far_apart(place, other):
        align = "right" if place < other or (place == other and claimed) else "left"
    text = money(price)
    return {"text": text, "align": align, "size": 19 if text == UNBOUNDED else 12, "claimed": claimed}


def _tooltip(row: dict[str, Any], compared: tuple[str, ...], action: ConversionNoun) -> dict[str, str]:
    interval = f"{span(row['lift_cpa_lower'], row['lift_cpa_upper'])}{ends_in_words(row, action)}"
    return {
        "Channel": words(row["channel"]),
        **{words(model): money(row[f"{model}_cpa"]) for model in compared},
        "True incremental": money(row["true_cpa"]),
        "Lift test": money(row["lift_cpa"]),
        f"{percent(LEVEL)} interval": interval,
    }
