"""Tables on the terminal and JSON: how results are printed."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console

from experiments.cli.unfolded_table import Table
from experiments.comparison.comparison import ChannelComparison, Comparison
from experiments.comparison.five_cpas import FiveCpas
from experiments.comparison.perfect_tracking import MODELS
from experiments.comparison.verdict import CERTAINTY, words
from experiments.designs.users.narrowing import PEOPLE_OR_DAYS_TO_HALVE, narrowing
from experiments.truth.effects import Truth
from experiments.truth.interactions import Interactions

PIPE_WIDTH = 150
TESTS_READING = f"{PEOPLE_OR_DAYS_TO_HALVE} times the people, or as many times the days, halve every width too."
UNDEFINED, UNBOUNDED = "–", "∞"


def console() -> Console:
    """Standard output; wide enough for the table where it is no terminal."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def money(value: float) -> str:
    """Currency with two decimals below a thousand, – for undefined, ∞ for unbounded."""
    if math.isnan(value):
        return UNDEFINED
    if math.isinf(value):
        return UNBOUNDED
    return f"{value:z,.2f}" if abs(value) < 1000 else f"{value:z,.0f}"


def number(credit: float) -> str:
    """Credited conversions: whole ones as such, fractions with one decimal."""
    return f"{credit:z,.0f}" if credit == round(credit) else f"{credit:z,.1f}"


def print_comparison(comparison: Comparison) -> None:
    """The main table, the sentences, and how the channels were bought."""
    screen = console()
    one, many = comparison.action.one, comparison.action.many
    title = f"{comparison.title or 'Your scenario'}: {many} and cost per {one} in {comparison.currency}"
    table = Table(title=title, title_justify="left")
    table.add_column("channel")
    for heading in ("cost", *(words(model).lower() for model in MODELS), "lift test (95 % interval)"):
        table.add_column(heading, justify="right")
    table.add_column("truth", justify="right", style="bold")
    for channel in comparison.channels:
        table.add_row(
            words(channel.channel),
            f"{channel.cost:z,.0f}",
            *(f"{number(channel.credits[model])} at {money(channel.attributed_cpa(model))}" for model in MODELS),
            lift_cell(channel),
            f"{channel.truth.incremental_conversions:,} at {money(channel.truth.cost_per_incremental_conversion)}",
        )
    screen.print(table)
    reading = f"Models: {many} credited. Lift test and truth: cost per incremental {one}. {CERTAINTY.format(many=many)}"
    screen.print(reading, style="dim")
    screen.print()
    screen.print(lift_tests_table(comparison))
    screen.print(TESTS_READING, style="dim")
    screen.print()
    if comparison.systems:
        screen.print(systems_table(comparison.systems, comparison.currency))
        screen.print(f"The same {many} as each system records them; CRM: by the source it knows.", style="dim")
        screen.print()
    screen.print(comparison.summary())


def lift_tests_table(comparison: Comparison) -> Table:
    """What each channel's test found beside the truth, how wide it was, and which holdout would halve that."""
    table = Table(title="Lift tests: incremental orders", title_justify="left")
    for heading in ("channel", "design"):
        table.add_column(heading)
    for heading in ("orders (95 % interval)", "truth", "width"):
        table.add_column(heading, justify="right", style="bold" if heading == "truth" else "")
    table.add_column("to halve the width")
    for channel in comparison.channels:
        cells = ["no test", f"{channel.truth.incremental_conversions:,}", "", ""]
        if channel.lift is not None:
            orders = channel.lift.incremental_conversions
            lower, upper = orders.interval(0.95)
            cells[0] = f"{orders.difference:z,.0f} ({lower:z,.0f} – {upper:z,.0f})"
            cells[2:] = [f"{upper - lower:z,.0f}", narrowing(channel.lift).summary()]
        table.add_row(words(channel.channel), channel.design.replace("_", " "), *cells)
    return table


def systems_table(systems: FiveCpas, currency: str) -> Table:
    """Cost per action of each channel in the eyes of each system."""
    table = Table(title=f"Five CPAs: what each system reports, in {currency}", title_justify="left")
    table.add_column("channel")
    for source in systems.telling:
        table.add_column(source.replace("_", " "), justify="right", style="bold" if source == "incremental" else "")
    for channel in systems.channels:
        table.add_row(words(channel.channel), *(money(channel.cpa(source)) for source in systems.telling))
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
            table.add_row(words(str(channel)), str(value), f"{own['cost'].max():z,.0f}", *cells)
        screen.print()
        screen.print(table)


def lift_cell(channel: ChannelComparison) -> str:
    """Incremental CPA by the holdout test, with its interval."""
    if channel.lift is None:
        return "no test"
    price = channel.lift.cost_per_incremental_conversion(0.95)
    return f"{money(price.point)} ({money(price.lower)} – {money(price.upper)})"


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
            effect.estimand,
            f"{effect.cost_micros / 1e6:z,.0f}",
            f"{effect.incremental_conversions:,}",
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
            f"{row['conversions_alone']:z,.0f}",
            f"{row['conversions_on_top']:z,.0f}",
            f"{row['shapley_conversions']:z,.1f}",
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
        "order_labels": {name: labels.counts() for name, labels in comparison.truth.labels.items()},
        "channels": [
            {
                "channel": channel.channel,
                "cost": channel.cost,
                "impressions": channel.impressions,
                "clicks": channel.clicks,
                "credits": channel.credits,
                "cost_per_conversion": {model: channel.attributed_cpa(model) for model in MODELS},
                "lift_test_design": channel.design,
                "lift_test": [] if channel.lift is None else channel.lift.to_frame().to_dict("records"),
                "incremental_conversions": channel.truth.incremental_conversions,
                "cost_per_incremental_conversion": channel.truth.cost_per_incremental_conversion,
                "verdict": channel.verdict,
            }
            for channel in comparison.channels
        ],
        "five_cpas": [] if comparison.systems is None else comparison.systems.to_frame().to_dict("records"),
        "truth": comparison.truth.to_frame().to_dict("records"),
        "single_touch_share": comparison.lag.single_touch_share,
    }


def truth_as_json(truth: Truth) -> dict[str, Any]:
    """Every effect, and how many orders carry each label."""
    labels = {channel: found.counts() for channel, found in truth.labels.items()}
    clock = {"warm_up_days": truth.warm_up_days, "days": truth.days, "horizon_days": truth.horizon_days}
    never = {"budgets_that_never_bound": list(truth.unbound)}
    return {
        "feedback": truth.feedback,
        **clock,
        **never,
        "effects": truth.to_frame().to_dict("records"),
        "labels": labels,
    }


def print_json(value: Any) -> None:
    """JSON on standard output: undefined numbers as null, unbounded ones as "inf"."""
    click.echo(json_text(value))


def json_text(value: Any) -> str:
    """The same as text."""
    return json.dumps(_plain(value), indent=2)


def write_tables(folder: Path, name: str, value: Any, frames: Mapping[str, pd.DataFrame]) -> None:
    """NAME.json with everything, and one CSV file per frame, into an existing folder."""
    (folder / f"{name}.json").write_text(json_text(value) + "\n", encoding="utf-8")
    for table, frame in frames.items():
        frame.to_csv(folder / f"{table}.csv", index=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
        return value + 0.0  # minus zero is zero
    return value
