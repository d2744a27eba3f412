"""The journey chart: one person's way to an order, a lane per channel, a symbol per event (time in days)."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.comparison.telling_journeys import Journey
from experiments.comparison.verdict import words
from experiments.report.charts.rows import WIDTH, in_style, vertical
from experiments.report.frames import journey_frame, lane_names
from experiments.report.palette import LIGHT, Palette

if TYPE_CHECKING:
    import altair as alt

LANE_HEIGHT = 26
SHORTEST_DAYS = 1.0  # a journey of minutes is drawn within its day


def journey_chart(journey: Journey, currency: str, palette: Palette = LIGHT) -> "alt.LayerChart":
    """Ads seen (rings) and clicked (discs), visits (squares) and the order (diamond), from left to right."""
    import altair as alt

    lanes, frame = lane_names(journey), journey_frame(journey)
    frame["y"] = LANE_HEIGHT * (frame["lane"] + 0.5)
    frame["what"] = [words(journey.action.one if kind == "conversion" else kind) for kind in frame["kind"]]
    frame["when"] = [f"day {day:.2f}" for day in frame["day"]]
    first = min(frame["day"].min(), journey.order_time - SHORTEST_DAYS)
    x = alt.X(
        "day:Q",
        scale=alt.Scale(domain=[first, journey.order_time], nice=False, padding=12),
        axis=alt.Axis(title="day", tickCount=6, grid=False, format="~f", labelFlush=12),
    )
    y = vertical()
    tooltip = [alt.Tooltip(f"{field}:N", title=field) for field in ("what", "channel", "when")]
    middles = [LANE_HEIGHT * (i + 0.5) for i in range(len(lanes))]
    grounds = pd.DataFrame({"name": lanes, "y": middles})
    ending = f"{currency} {journey.value:,.0f}, {journey.label}"
    order = pd.DataFrame({"day": [journey.order_time], "text": [ending]})
    events = alt.Chart(frame).encode(x, y, tooltip=tooltip)
    text: dict[str, Any] = {"align": "right", "fontSize": 12, "baseline": "middle"}

    def of_kind(kind: str, **mark: Any) -> "alt.Chart":
        chart: alt.Chart = events.transform_filter(alt.datum.kind == kind).mark_point(opacity=1, **mark)
        return chart

    layers = [
        alt.Chart(grounds[:-1]).mark_rule(stroke=palette.line).encode(x=alt.value(0), x2=alt.value(WIDTH), y=y),
        alt.Chart(grounds).mark_text(dx=-8, color=palette.ink, limit=120, **text).encode(
            x=alt.value(0), y=y, text="name:N"
        ),
        alt.Chart(order).mark_rule(stroke=palette.true, strokeDash=[3, 3]).encode(
            x, y=alt.value(0), y2=alt.value(middles[-1])
        ),
        of_kind("impression", shape="circle", size=60, filled=False, strokeWidth=1.5, color=palette.claimed),
        of_kind("visit", shape="square", size=60, filled=True, color=palette.organic),
        of_kind("click", shape="circle", size=95, filled=True, color=palette.claimed),
        of_kind("conversion", shape="diamond", size=170, filled=True, color=palette.true),
        alt.Chart(order).mark_text(dx=-12, fontWeight=600, color=palette.true, **text).encode(
            x, y=alt.value(middles[-1]), text="text:N"
        ),
    ]  # fmt: skip
    return in_style(layers, LANE_HEIGHT * len(lanes), palette)
