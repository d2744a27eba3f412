"""The report page: a comparison as one HTML text that needs no network (money in currency units)."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cpalab.micros import MICROS
from experiments.comparison.comparison import Comparison
from experiments.comparison.perfect_tracking import LAST_CLICK_SETTINGS, MODELS
from experiments.comparison.verdict import CERTAINTY, FAIR_WITHIN, words
from experiments.designs.regions.scenario_geo_tests import OwnGeoTest
from experiments.designs.users.narrowing import PEOPLE_OR_DAYS_TO_HALVE
from experiments.report.charts.dumbbell import dumbbell_chart, other_model_shapes
from experiments.report.charts.geo_test import cost_chart, response_chart
from experiments.report.charts.journey import journey_chart
from experiments.report.charts.labels import label_chart
from experiments.report.frames import label_frame
from experiments.report.numerals import count, money, percent
from experiments.report.order_of_channels import by_over_credit, credited_per_caused
from experiments.report.pages.figure_page import KeyNumber
from experiments.report.palette import PAGE
from experiments.report.table import (
    WEEKS_READING,
    ReportTable,
    cpa_columns,
    delivery_columns,
    geo_test_columns,
    sharpness_columns,
    system_columns,
    week_columns,
)
from experiments.report.typesetting import data_inside_script, pour, text_of
from experiments.report.wording import (
    ads_in_words,
    dumbbell_summary,
    finding,
    geo_test_heading,
    geo_test_sentence,
    interval_sentence,
    joint_effect,
    label_summary,
    lift_sentence,
)
from experiments.truth.conversion_noun import ConversionNoun
from experiments.truth.effects import ALL
from simulator.scenario.schema import Run

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True)
class Figure:
    """A chart with what is said beside it.

    Attributes:
        key: its name within the page.
        specification: Vega-Lite, as JSON that is safe inside a script element.
        summary: the chart in words, for those who do not see it.
    """

    key: str
    specification: str
    summary: str


@dataclass(frozen=True)
class ChannelFinding:
    """What is said about one channel."""

    judgement: str
    verdict: str
    lift: str


@dataclass(frozen=True)
class JourneyFigure:
    """A person's way to an order."""

    label: str
    summary: str
    left_out: int
    figure: Figure


@dataclass(frozen=True)
class GeoTestFigure:
    """A geo test: what it found, and its days (response, then cost; without them where it could not be laid out)."""

    heading: str
    summary: str
    kind: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Page:
    """Everything the page shows, before it is typeset; texts are plain and not yet escaped."""

    title: str
    currency: str
    finding: str
    key_numbers: tuple[KeyNumber, ...]
    first_model: str
    other_models: tuple[tuple[str, str], ...]
    explained: tuple[tuple[str, str], ...]
    prices: Figure | None
    intervals: str
    table: ReportTable
    systems: ReportTable | None
    weeks: ReportTable | None
    weeks_reading: str
    delivery: ReportTable
    sharpness: ReportTable | None
    people_or_days: int
    geo_tests: tuple[GeoTestFigure, ...]
    geo_table: ReportTable | None
    reading: str
    action: ConversionNoun
    channels: tuple[ChannelFinding, ...]
    orders: Figure | None
    labels: tuple[tuple[str, ...], ...]
    journeys: tuple[JourneyFigure, ...]
    run: Run | None
    warm_up_days: int
    horizon_days: float
    feedback: str
    lookback_days: float
    fair_within: float


def render_report(comparison: Comparison, run: Run | None = None) -> str:
    """The report as HTML: style, scripts and data inlined, nothing loaded, every text escaped.

    Args:
        comparison: what the main job found.
        run: how many people were simulated, for how long and from which seed, where the page is to say so.
    """
    return typeset(build_page(comparison, run))


def build_page(comparison: Comparison, run: Run | None = None) -> Page:
    """Collect what the page shows, in the order in which it does."""
    drawn = bool(comparison.channels)
    labelled = drawn and comparison.conversions > 0 and bool(comparison.truth.labels)
    return Page(
        title=comparison.title,
        currency=comparison.currency,
        finding=finding(comparison),
        key_numbers=_key_numbers(comparison),
        first_model=words(comparison.judge) if drawn else "",
        other_models=tuple((words(name), shape) for name, shape in other_model_shapes(comparison).items()),
        explained=tuple(
            (words(name), line if line.endswith(".") else f"{line}.")
            for name, line in zip(comparison.models, comparison.model_lines, strict=False)
            if line and name not in MODELS
        ),
        prices=figure_of("prices", dumbbell_chart(comparison, PAGE), dumbbell_summary(comparison)) if drawn else None,
        intervals=interval_sentence(comparison) if drawn else "",
        table=cpa_columns(comparison),
        systems=system_columns(comparison.systems) if comparison.systems else None,
        weeks=None if comparison.weeks is None else week_columns(comparison.weeks),
        weeks_reading=WEEKS_READING,
        delivery=delivery_columns(comparison),
        sharpness=sharpness_columns(comparison),
        people_or_days=PEOPLE_OR_DAYS_TO_HALVE,
        geo_tests=tuple(_geo_test(i, test, comparison) for i, test in enumerate(comparison.geo_tests)),
        geo_table=geo_test_columns(comparison),
        reading=CERTAINTY.format(many=comparison.action.many),
        action=comparison.action,
        channels=tuple(
            ChannelFinding(
                credited_per_caused(channel, comparison.judge).judgement, channel.verdict, lift_sentence(channel)
            )
            for channel in by_over_credit(comparison)
        ),
        orders=figure_of("orders", label_chart(comparison, PAGE), label_summary(comparison)) if labelled else None,
        labels=_label_rows(comparison) if labelled else (),
        journeys=tuple(
            JourneyFigure(
                journey.label,
                journey.summary(),
                journey.left_out,
                figure_of(f"journey-{i}", journey_chart(journey, comparison.currency, PAGE), journey.summary()),
            )
            for i, journey in enumerate(comparison.journeys)
        ),
        run=run,
        warm_up_days=comparison.truth.warm_up_days,
        horizon_days=comparison.truth.horizon_days,
        feedback=comparison.truth.feedback,
        lookback_days=LAST_CLICK_SETTINGS.lookback_days,
        fair_within=FAIR_WITHIN,
    )


def typeset(page: Any, template: str = "page.html") -> str:
    """Pour a page of charts into its template; the same page gives the same text."""
    import altair
    import vl_convert

    version = ".".join(altair.SCHEMA_VERSION.split(".")[:2])
    bundle = vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg]  # snippet is optional
    return pour(template, style=text_of("page.css"), scripts=[bundle, text_of("page.js")], page=page)


def _key_numbers(comparison: Comparison) -> tuple[KeyNumber, ...]:
    joint = joint_effect(comparison)
    if joint is None or not comparison.conversions:
        return ()
    model, action = comparison.judge, comparison.action
    credited = sum(channel.credits[model] for channel in comparison.channels)
    labels = comparison.truth.labels[ALL].counts()
    extra = action.counted(joint.incremental_conversions)
    attributed = joint.cost_micros / MICROS / credited if credited > 0 else math.nan
    return (
        KeyNumber(
            percent(labels["always"] / comparison.conversions),
            f"of {action.many} would have come just the same without any ads",
            "always",
        ),
        KeyNumber(
            f"{comparison.currency} {money(attributed)}",
            f"claimed: the ads' cost ÷ {action.counted(round(credited))} that {words(model).lower()} credits to them",
            "claimed",
        ),
        KeyNumber(
            f"{comparison.currency} {money(joint.cost_per_incremental_conversion)}",
            f"truly: the ads' cost ÷ {extra} more than there would have been without them",
            "true",
        ),
    )


def _geo_test(i: int, test: OwnGeoTest, comparison: Comparison) -> GeoTestFigure:
    heading, summary = geo_test_heading(test), geo_test_sentence(test, comparison.action)
    figures: tuple[Figure, ...] = ()
    if not test.days.empty:
        shown = f"{comparison.action.many.capitalize()} per day in {heading}. {summary}"
        paid = f"Cost per day of the same geos, in {comparison.currency}: {money(test.days['cost'].sum())} in all."
        figures = (
            figure_of(f"geo-{i}", response_chart(test, comparison.action, PAGE), shown),
            figure_of(f"geo-{i}-cost", cost_chart(test, comparison.currency, PAGE), paid),
        )
    return GeoTestFigure(heading, summary, test.kind, figures)


def _label_rows(comparison: Comparison) -> tuple[tuple[str, ...], ...]:
    frame = label_frame(comparison)
    rows = []
    for channel, own in frame.groupby("channel", sort=False):
        rows.append(
            (
                ads_in_words(str(channel)),
                *(count(orders) for orders in own["orders"]),
                count(own["prevented"].iloc[0]),
            )
        )
    return tuple(rows)


def figure_of(key: str, chart: "alt.LayerChart", summary: str) -> Figure:
    """A chart as the page carries it, with its name there and what is said of it."""
    specification: dict[str, Any] = chart.to_dict()
    del specification["$schema"]  # an address; the page names the grammar itself and asks nobody
    return Figure(key, data_inside_script(specification), summary)
