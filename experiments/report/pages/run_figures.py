"""Run figures: the charts of the main job for a paper, each with its title and legend inside the file, readable in grey."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from experiments.comparison.comparison import Comparison
from experiments.comparison.verdict import words
from experiments.report.chart import WIDTH
from experiments.report.charts.dumbbell import dumbbell_chart, other_model_shapes
from experiments.report.charts.geo_test import cost_chart, response_chart
from experiments.report.charts.journey import journey_chart
from experiments.report.charts.labels import label_chart
from experiments.report.figure_files import FigureKind, write_figure
from experiments.report.frames import LEVEL
from experiments.report.numerals import percent
from experiments.report.palette import LIGHT
from experiments.report.wording import geo_test_heading, geo_test_sentence

if TYPE_CHECKING:
    import altair as alt

__all__ = ["run_figures", "write_run_figures"]

# Light, middle and dark in grey print too.
PRINT = replace(LIGHT, always="#e1e5e9", moved="#c98a10")
LINE = 88  # characters of a line below a title
SYMBOLS = {"square": "square", "triangle-up": "triangle", "cross": "cross", "triangle-down": "inverted triangle"}


def run_figures(comparison: Comparison) -> dict[str, "alt.LayerChart"]:
    """The charts by the names of their files: prices, orders, journey_N, geo_NAME, geo_NAME_cost; those that there are."""
    found: dict[str, alt.LayerChart] = {}
    action = comparison.action
    if comparison.channels:
        judge = words(comparison.judge)
        marks = [
            f"disc: attributed by {judge}",
            f"diamond: truly incremental; bar: {percent(LEVEL)} interval of the lift test",
        ]
        marks += [f"{SYMBOLS[shape]}: {words(model)}" for model, shape in other_model_shapes(comparison).items()]
        prices = dumbbell_chart(comparison)
        found["prices"] = _titled(prices, f"What a channel's {action.one} costs: attributed and incremental", marks)
    if comparison.channels and comparison.conversions > 0 and comparison.truth.labels:
        legend = ["light: without these ads just the same; middle: moved in time or value; dark: caused by them"]
        found["orders"] = _titled(label_chart(comparison, PRINT), f"What ads did to {action.many}", legend)
    for number, journey in enumerate(comparison.journeys, start=1):
        legend = [f"ring: ad seen; disc: click; square: visit; diamond: {action.one}"]
        chart = journey_chart(journey, comparison.currency)
        found[f"journey_{number}"] = _titled(chart, f"A person's way to the {action.one}", legend)
    for test in comparison.geo_tests:
        if not test.days.empty:
            heading, said = geo_test_heading(test), [geo_test_sentence(test, action)]
            found[f"geo_{test.name}"] = _titled(response_chart(test, action), heading, said)
            found[f"geo_{test.name}_cost"] = _titled(
                cost_chart(test, comparison.currency), f"{heading}: cost per day", []
            )
    return found


def write_run_figures(comparison: Comparison, folder: Path, kinds: tuple[FigureKind, ...]) -> None:
    """The files of all charts, in a folder that exists."""
    for name, chart in run_figures(comparison).items():
        write_figure(chart, folder, name, kinds)


def _titled(chart: "alt.LayerChart", text: str, legend: list[str]) -> Any:
    """The chart with a title, and below it what its marks mean, broken into lines."""
    from textwrap import wrap

    import altair as alt

    anchor: Literal["start"] = "start"
    lines = [line for entry in legend for line in wrap(entry, LINE)]
    return chart.properties(width=WIDTH, title=alt.TitleParams(text, subtitle=lines, anchor=anchor, offset=14))
