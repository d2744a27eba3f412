"""A lift test as one page: what it found in a sentence, its interval as a picture, every number as a table."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.report.charts.intervals import ESTIMATE
from experiments.report.numerals import percent, plain
from experiments.report.pages.figure_page import Section, render_figures

if TYPE_CHECKING:
    import altair as alt

__all__ = ["found_in_words", "render_lift"]

KEYS = ("arm", "contrast", "cell")  # what the rows of several tests in one are told apart by


def render_lift(frame: pd.DataFrame, summary: str) -> str:
    """The page of a lift test of people, regions, blocks of days, or of several at once.

    Args:
        frame: the test's table, one row per level (and arm, contrast or cell).
        summary: its sentences.
    """
    key = _key(frame)
    measure = measures_of(frame)[0]
    highest = frame[frame["level"] == frame["level"].max()]
    sentences = [found_in_words(row, measure, str(row[key]) if key else "") for row in highest.to_dict("records")]
    picture = Section(
        "The interval", "What this test cannot rule out; a line across zero includes no effect.",
        lift_chart(frame), _table_of(frame, measure, key), (ESTIMATE,), "interval",
    )  # fmt: skip
    parts = [(str(name), own) for name, own in frame.groupby(key, sort=False)] if key else [("Every number", frame)]
    numbers = [Section(name.replace("_", " ").capitalize(), "", None, _numbers(own)) for name, own in parts]
    return render_figures(
        "What the lift test found", [*sentences, summary], [picture, *numbers],
        kicker="A lift test: the same ads, shown to some and not to others",
    )  # fmt: skip


def measures_of(frame: pd.DataFrame) -> list[str]:
    """The columns that have an interval, in their order."""
    return [str(name) for name in frame.columns if f"{name}_lower" in frame.columns]


def found_in_words(row: Mapping[Any, Any], measure: str, name: str = "") -> str:
    """Yes, no or cannot tell, with the interval.

    Args:
        row: of the test's table, with the measure and its bounds.
        measure: the effect in question.
        name: of the arm, contrast or cell, where there are several.
    """
    value, low, high = (float(str(row[column])) for column in (measure, f"{measure}_lower", f"{measure}_upper"))
    of = f"{name.replace('_', ' ').capitalize()}: " if name else ""
    what = measure.replace("_", " ")
    span = f"({100 * float(str(row['level'])):g}% interval {_said(low)} to {_said(high)})"
    if math.isnan(low) or math.isnan(high):
        return f"{of}Cannot tell: the test gives no interval of {what}."
    if low > 0:
        return f"{of}Yes, more than without: {_said(value)} {what} {span}."
    if high < 0:
        return f"{of}Yes, fewer than without: {_said(value)} {what} {span}."
    return f"{of}Cannot tell: no effect lies within what the test leaves possible, {_said(value)} {what} {span}."


def lift_chart(frame: pd.DataFrame) -> "alt.LayerChart | None":
    """A row per level (and arm, contrast or cell) of a lift test's table; none where no interval has two ends."""
    from experiments.report.charts.intervals import interval_chart

    measures, key = measures_of(frame), _key(frame)
    if not measures:
        return None
    measure = measures[0]
    columns = [measure, f"{measure}_lower", f"{measure}_upper"]
    finite = frame[frame[columns].map(lambda x: math.isfinite(float(x))).all(axis=1)]
    if finite.empty:
        return None
    shown = finite.assign(row=_names(finite, key))
    title = measure.replace("_", " ")
    return interval_chart(shown, "row", measure, f"{measure}_lower", f"{measure}_upper", title)


def _key(frame: pd.DataFrame) -> str:
    return next((name for name in KEYS if name in frame.columns), "")


def _names(frame: pd.DataFrame, key: str) -> list[str]:
    names = [f"{name}, ".replace("_", " ") for name in frame[key]] if key else [""] * len(frame)
    return [f"{name}{level}" for name, level in zip(names, _levels(frame), strict=True)]


def _levels(frame: pd.DataFrame) -> list[str]:
    return [f"{100 * level:g}% interval" for level in frame["level"]]


def _table_of(frame: pd.DataFrame, measure: str, key: str) -> pd.DataFrame:
    columns = {"estimate": measure, "lower end": f"{measure}_lower", "upper end": f"{measure}_upper"}
    told = {heading: [_said(float(x)) for x in frame[column]] for heading, column in columns.items()}
    return pd.DataFrame({"": _names(frame, key)} | told)


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per quantity: its estimate, and its interval at each level."""
    measures = measures_of(frame)
    rows = []
    for name in frame.columns:
        if name == "level" or str(name).endswith(("_lower", "_upper")) or name in KEYS:
            continue
        bounds = zip(frame[f"{name}_lower"], frame[f"{name}_upper"], strict=True) if name in measures else ()
        spans = [f"{_said(low, name)} to {_said(high, name)}" for low, high in bounds] or [""] * len(frame)
        rows.append([str(name).replace("_", " "), _said(frame[name].iloc[0], name), *spans])
    return pd.DataFrame(rows, columns=["", "estimate", *_levels(frame)])


def _said(value: object, name: str = "") -> str:
    """A number without false precision: thousands whole, small ones with three digits, lifts in percent; words stay."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return str(value)
    number = float(value)
    return percent(number, 1) if "lift" in name.split("_") else plain(number)
