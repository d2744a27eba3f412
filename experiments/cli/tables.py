"""Tables on the terminal and JSON: how results are printed."""

import json
import math
from typing import Any

import click
import pandas as pd
from rich.console import Console
from rich.table import Table

from experiments.comparison import ChannelComparison, Comparison
from experiments.five_cpas import FiveCpas
from experiments.perfect_tracking import MODELS
from experiments.truth import Truth
from experiments.verdict import CERTAINTY, words

PIPE_WIDTH = 150
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
    return f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def number(credit: float) -> str:
    """Credited conversions: whole ones as such, fractions with one decimal."""
    return f"{credit:,.0f}" if credit == round(credit) else f"{credit:,.1f}"


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
            f"{channel.cost:,.0f}",
            *(f"{number(channel.credits[model])} at {money(channel.attributed_cpa(model))}" for model in MODELS),
            lift_cell(channel),
            f"{channel.truth.incremental_conversions:,} at {money(channel.truth.cost_per_incremental_conversion)}",
        )
    screen.print(table)
    reading = f"Models: {many} credited. Lift test and truth: cost per incremental {one}. {CERTAINTY.format(many=many)}"
    screen.print(reading, style="dim")
    screen.print()
    if comparison.systems:
        screen.print(systems_table(comparison.systems, comparison.currency))
        screen.print(f"The same {many} as each system records them; CRM: by the source it knows.", style="dim")
        screen.print()
    screen.print(comparison.summary())


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
            table.add_row(words(str(channel)), str(value), f"{own['cost'].max():,.0f}", *cells)
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
    table = Table(title=f"Truth (market feedback {truth.feedback})", title_justify="left")
    for heading, justify in (
        ("channel", "left"),
        ("estimand", "left"),
        ("cost", "right"),
        (f"incremental {truth.action.many}", "right"),
        (f"cost per incremental {truth.action.one}", "right"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]  # rich's own words
    for effect in truth.effects:
        table.add_row(
            words(effect.channel),
            effect.estimand,
            f"{effect.cost_micros / 1e6:,.0f}",
            f"{effect.incremental_conversions:,}",
            money(effect.cost_per_incremental_conversion),
        )
    screen.print(table)
    screen.print(truth.summary())


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
    return {"feedback": truth.feedback, "effects": truth.to_frame().to_dict("records"), "labels": labels}


def print_json(value: Any) -> None:
    """JSON on standard output."""
    click.echo(as_json_text(value))


def as_json_text(value: Any) -> str:
    """JSON: undefined numbers as null, unbounded ones as "inf"."""
    return json.dumps(_plain(value), indent=2)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value
