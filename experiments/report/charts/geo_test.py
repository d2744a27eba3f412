"""The geo-test charts: conversions per day of the treated geos, observed and expected, and what was paid there (currency)."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.designs.regions.scenario_geo_tests import OwnGeoTest
from experiments.report.charts.rows import in_style
from experiments.report.frames import geo_test_days, geo_test_stretches
from experiments.report.numerals import count, money
from experiments.report.palette import LIGHT, Palette
from experiments.truth.conversion_noun import ConversionNoun

if TYPE_CHECKING:
    import altair as alt

RESPONSE_HEIGHT, COST_HEIGHT = 220, 80
LEFT_OF_AXIS = 48  # room for labels, the same in both charts, so that their days stand above each other
SHADE = {"test": 0.55, "off": 0.55, "cooldown": 0.22}


def response_chart(test: OwnGeoTest, action: ConversionNoun, palette: Palette = LIGHT) -> "alt.LayerChart":
    """Observed conversions per day (solid) over what the other geos foretell (dashed); the days of the test are shaded."""
    import altair as alt

    days = geo_test_days(test)
    x, y = _day(days, None), {"title": f"{action.many} per day", "grid": True}
    line: dict[str, Any] = {"strokeWidth": 1.5, "interpolate": "linear", "clip": True}
    top = float(days[["observed", "counterfactual"]].max().max())
    chart = alt.Chart(days).encode(_day(days, None, "middle"))
    layers = [
        *_shading(test, x, palette),
        chart.mark_line(color=palette.ink, **line).encode(_amount("observed", top, **y)),
        chart.transform_filter(alt.datum.counterfactual != None)  # noqa: E711 - becomes JavaScript
        .mark_line(color=palette.true, strokeDash=[5, 3], **line)
        .encode(_amount("counterfactual", top, **y)),
        _tooltips(days, x),
    ]  # fmt: skip
    return in_style(layers, RESPONSE_HEIGHT, palette)


def cost_chart(test: OwnGeoTest, currency: str, palette: Palette = LIGHT) -> "alt.LayerChart":
    """What the channel cost per day in the same geos, as bars under the same days."""
    import altair as alt

    days = geo_test_days(test)
    x = _day(days, "day")
    y = _amount("cost", float(days["cost"].max()), title=f"{currency} per day", grid=False)
    bars = alt.Chart(days).mark_rect(color=palette.muted).encode(x, alt.X2("next:Q"), y, alt.Y2(datum=0))
    return in_style([*_shading(test, x, palette), bars, _tooltips(days, x)], COST_HEIGHT, palette)


def _day(days: pd.DataFrame, title: str | None, field: str = "day") -> "alt.X":
    """The days of the run; without a title only the line, where the chart below tells them."""
    import altair as alt

    told = title is not None
    return alt.X(
        f"{field}:Q",
        scale=alt.Scale(domain=[0, int(days["next"].max())], nice=False),
        axis=alt.Axis(title=title, tickCount=8, grid=False, format="~f", labelFlush=True, labels=told, ticks=told),
    )


def _amount(field: str, top: float, **axis: Any) -> "alt.Y":
    import altair as alt

    return alt.Y(
        f"{field}:Q",
        scale=alt.Scale(domain=[0, top or 1.0], nice=True),
        axis=alt.Axis(tickCount=4, minExtent=LEFT_OF_AXIS, maxExtent=LEFT_OF_AXIS, titlePadding=4, **axis),
    )


def _shading(test: OwnGeoTest, x: "alt.X", palette: Palette) -> list[Any]:
    import altair as alt

    stretches = geo_test_stretches(test)
    return [
        alt.Chart(stretches[stretches["period"] == period])
        .mark_rect(color=palette.tested, opacity=opacity)
        .encode(x, alt.X2("next:Q"))
        for period, opacity in SHADE.items()
        if period in set(stretches["period"])
    ]


def _tooltips(days: pd.DataFrame, x: "alt.X") -> Any:
    """An invisible rectangle over each day that tells its numbers to whoever points at it."""
    import altair as alt

    told = days[["day", "next"]].assign(
        Day=[count(day) for day in days["day"]],
        Observed=[count(n) for n in days["observed"]],
        Expected=[count(n, 1) for n in days["counterfactual"]],
        Cost=[money(cost) for cost in days["cost"]],
    )
    shown = [alt.Tooltip(f"{column}:N") for column in ("Day", "Observed", "Expected", "Cost")]
    return alt.Chart(told).mark_rect(opacity=0).encode(x, alt.X2("next:Q"), tooltip=shown)
