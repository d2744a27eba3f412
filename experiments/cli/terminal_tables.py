"""Tables on the terminal: how the results of a simulated market are printed, and what they are as JSON."""

import math
from typing import Any

import pandas as pd

from cpalab.micros import MICROS
from experiments.cli.terminal import Table, console
from experiments.comparison.comparison import Comparison
from experiments.comparison.perfect_tracking import JUDGE, MODELS
from experiments.comparison.verdict import CERTAINTY, words
from experiments.designs.users.narrowing import PEOPLE_OR_DAYS_TO_HALVE
from experiments.report.numerals import count, money
from experiments.report.table import (
    WEEKS_READING,
    ReportTable,
    cpa_columns,
    sharpness_columns,
    system_columns,
    week_columns,
)
from experiments.report.ten_seconds import ten_second_sentences, ten_second_table
from experiments.truth.effects import Truth
from experiments.truth.interactions import Interactions

NARROW = 80  # columns of an ordinary terminal
TESTS_READING = f"{PEOPLE_OR_DAYS_TO_HALVE} times the people, or as many times the days, halve every width too."


def print_ten_seconds(comparison: Comparison) -> None:
    """One line per channel with its verdict, and a few sentences; nothing is wider than 80 columns."""
    screen = console()
    if not comparison.channels:
        print_comparison(comparison)
        return
    title = f"{comparison.title or 'Your scenario'}: cost per {comparison.action.one} in {comparison.currency}"
    screen.print(narrow(ten_second_table(comparison), title, min(screen.width, NARROW)))
    for line in ten_second_sentences(comparison):
        screen.print(line, width=NARROW)


def narrow(report: ReportTable, title: str, width: int) -> Table:
    """A table without rules between its columns; where it does not fit, whole columns are dropped, and no digit is split.

    The first to go are those before the last three: verdict, truth and what they are about stay.
    """
    headings = [heading for group in report.groups for heading in group.columns]
    cells = [[row.cells[i] for row in report.rows] for i in range(len(headings))]
    kept = list(range(len(headings)))

    def needed() -> int:
        names = max(len(row.name) for row in report.rows)
        return names + sum(1 + max(len(text) for text in (*headings[i].split("\n"), *cells[i])) for i in kept)

    while needed() > width and len(kept) > 1:
        kept.pop(0)
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(report.heading, no_wrap=True)
    for i in kept:
        group = next(group for group in report.groups if headings[i] in group.columns)
        table.add_column(headings[i], justify=group.justify, style="bold" if group.kind == "true" else "", no_wrap=True)
    for row in report.rows:
        table.add_row(row.name, *(row.cells[i] for i in kept))
    return table


def print_comparison(comparison: Comparison) -> None:
    """The tables of the report, the sentences, and how to read both."""
    screen = console()
    one, many = comparison.action.one, comparison.action.many
    title = f"{comparison.title or 'Your scenario'}: {many} and cost per {one} in {comparison.currency}"
    screen.print(typeset(cpa_columns(comparison), title))
    reading = f"Models: {many} credited. Lift test and truth: cost per incremental {one}. {CERTAINTY.format(many=many)}"
    screen.print(reading, style="dim")
    screen.print()
    sharpness = sharpness_columns(comparison)
    if sharpness:
        screen.print(typeset(sharpness, f"Lift tests: incremental {many}"))
        screen.print(TESTS_READING, style="dim")
        screen.print()
    if comparison.systems:
        title = f"Five CPAs: what each system reports, in {comparison.currency}"
        screen.print(typeset(system_columns(comparison.systems), title))
        screen.print(f"The same {many} as each system records them; CRM: by the source it knows.", style="dim")
        screen.print()
    if comparison.weeks is not None:
        print_weeks(comparison.weeks, comparison.currency)
    screen.print(comparison.summary())


def typeset(report: ReportTable, title: str) -> Table:
    """A table of the report on the terminal: groups of columns that read as one (`62 at 10.21`) stand in one."""
    table = Table(title=title, title_justify="left")
    table.add_column(report.heading)
    for group in report.groups:
        style = "bold" if group.kind == "true" else ""
        for heading in (group.joined_heading,) if group.joined else group.columns:
            table.add_column(heading, justify=group.justify, style=style)
    for row in report.rows:
        table.add_row(row.name, *(cell.replace("\N{NO-BREAK SPACE}", " ") for cell in report.joined_cells(row)))
    return table


def print_segments(segments: dict[str, pd.DataFrame]) -> None:
    """For each dimension, every system's CPA of each channel within each of its values."""
    screen = console()
    for dimension, frame in segments.items():
        systems = list(dict.fromkeys(frame["system"]))
        table = Table(title=f"CPA by {dimension}", title_justify="left")
        for heading in ("channel", dimension):
            table.add_column(heading)
        for heading in ("cost", *systems):
            table.add_column(heading.replace("_", " "), justify="right")
        for (channel, value), own in frame.groupby(["channel", dimension], sort=False, dropna=False):
            cpa = own.set_index("system")["cost_per_conversion"]
            cells = (money(float(cpa.get(system, math.nan))) for system in systems)
            table.add_row(words(str(channel)), str(value), count(float(own["cost"].max())), *cells)
        screen.print()
        screen.print(table)


def print_weeks(weeks: pd.DataFrame, currency: str) -> None:
    """Each system's CPA of each channel, week by week."""
    screen = console()
    screen.print(typeset(week_columns(weeks), f"CPA by week, in {currency}"))
    screen.print(WEEKS_READING, style="dim")
    screen.print()


def print_truth(truth: Truth) -> None:
    """One line per channel and estimand."""
    screen = console()
    table = Table(title=f"Truth: {truth.horizon}", title_justify="left")
    for heading, justify in (
        ("channel", "left"),
        ("estimand", "left"),
        ("cost", "right"),
        (f"incremental {truth.action.many}", "right"),
        (f"cost per incremental {truth.action.one}", "right"),
        ("market", "left"),
        ("days budget bound", "right"),
    ):
        table.add_column(heading, justify=justify)
    for effect in truth.effects:
        table.add_row(
            words(effect.channel),
            words(effect.estimand).lower(),
            count(effect.cost_micros / MICROS),
            count(effect.incremental_conversions),
            money(effect.cost_per_incremental_conversion),
            effect.feedback,
            f"{effect.days_bound:g}",
        )
    screen.print(table)
    screen.print(truth.summary())


def print_interactions(found: Interactions) -> None:
    """One line per channel, then one per pair."""
    screen = console()
    table = Table(title="Interactions: all subsets of these channels, lived", title_justify="left")
    table.add_column("channel")
    for heading in ("alone", "on top of the others", "Shapley value", "cost per conversion by it"):
        table.add_column(heading, justify="right")
    for row in found.to_frame().to_dict("records"):
        table.add_row(
            words(row["channel"]),
            count(row["conversions_alone"]),
            count(row["conversions_on_top"]),
            count(row["shapley_conversions"], 1),
            money(row["cost_per_shapley_conversion"]),
        )
    screen.print(table)
    if len(found.channels) == 1:
        screen.print("One channel has no synergy: name two or more to see what they do to each other.")
        screen.print(found.summary())
        return
    pairs = Table(title="Synergy in conversions (negative: they do the same job)", title_justify="left")
    pairs.add_column("pair")
    pairs.add_column("synergy", justify="right")
    for row in found.synergy_frame().to_dict("records"):
        pairs.add_row(
            f"{words(row['channel'])} and {words(row['other_channel'])}", f"{row['synergy_conversions']:+z,.1f}"
        )
    screen.print(pairs)
    screen.print(found.summary())


def comparison_as_json(comparison: Comparison) -> dict[str, Any]:
    """Everything in the table, with both levels of the lift test's intervals."""
    return {
        "title": comparison.title,
        "currency": comparison.currency,
        "conversions": comparison.conversions,
        **asked_models(comparison),
        "order_labels": {name: labels.counts() for name, labels in comparison.truth.labels.items()},
        "channels": [
            {
                "channel": channel.channel,
                "cost": channel.cost,
                "impressions": channel.impressions,
                "clicks": channel.clicks,
                "credits": channel.credits,
                "cost_per_conversion": {model: channel.attributed_cpa(model) for model in comparison.models},
                "lift_test_design": channel.design,
                "lift_test": [] if channel.lift is None else channel.lift.to_frame().to_dict("records"),
                "incremental_conversions": channel.truth.incremental_conversions,
                "cost_per_incremental_conversion": channel.truth.cost_per_incremental_conversion,
                "incremental_profit": comparison.truth.profit(channel.truth),
                "verdict": channel.verdict,
            }
            for channel in comparison.channels
        ],
        "five_cpas": [] if comparison.systems is None else comparison.systems.to_frame().to_dict("records"),
        "truth": comparison.truth.to_frame().to_dict("records"),
        "single_touch_share": comparison.lag.single_touch_share,
    }


def asked_models(comparison: Comparison) -> dict[str, Any]:
    """Which models are compared, and which of them the verdicts are about, where that is not what is always compared."""
    if (comparison.models, comparison.judge) == (MODELS, JUDGE):
        return {}
    return {"models": list(comparison.models), "judge": comparison.judge}


def truth_as_json(truth: Truth) -> dict[str, Any]:
    """Every effect, and how many orders carry each label."""
    labels = {channel: found.counts() for channel, found in truth.labels.items()}
    effects = truth.to_frame().to_dict("records")
    for row, effect in zip(effects, truth.effects, strict=True):
        row["incremental_profit"] = truth.profit(effect)
    return {
        "feedback": truth.feedback,
        "warm_up_days": truth.warm_up_days,
        "days": truth.days,
        "horizon_days": truth.horizon_days,
        "budgets_that_never_bound": list(truth.unbound),
        "effects": effects,
        "labels": labels,
    }
