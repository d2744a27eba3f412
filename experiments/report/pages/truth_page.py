"""What each channel's ads really caused, as one page: prices of an extra order, average and at the margin (currency units)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from cpalab.micros import MICROS
from experiments.comparison.verdict import words
from experiments.report.charts.intervals import Mark, mark_chart
from experiments.report.numerals import UNBOUNDED, UNDEFINED, count, money, percent
from experiments.report.pages.figure_page import KeyNumber, Section, render_figures
from experiments.report.wording import ads_in_words
from experiments.truth.effects import ALL, Effect, Truth

if TYPE_CHECKING:
    import altair as alt

__all__ = ["render_truth", "truth_chart"]

AVERAGE = Mark("average", "average: all its money ÷ all it caused", "diamond", "true")
MARGINAL = Mark("marginal", "at the margin: the next money ÷ what it brings", "square", "organic")
TABLES = {  # of further answers: a heading and a sentence each
    "interactions": (
        "Channels together",
        "What each channel adds alone, on top of the others, and by its Shapley value.",
    ),
    "synergies": ("Synergies", "What two channels do together beyond what each does alone; below zero: the same job."),
    "truth_by_week": (
        "Truth by week",
        "What the ads of each week caused, whenever, and what happened in it because of any ads.",
    ),
    "pulses": ("One day’s ads", "What the ads of one day caused, day by day after."),
    "curves": ("Response curves", "What less and more of a channel’s ads would have brought."),
    "truth_over_seeds": ("Markets like it", "The same market with other people and other luck."),
}
MOST_ROWS = 400  # of a further table; the files beside the page have all


def render_truth(truth: Truth, title: str, currency: str, further: Mapping[str, pd.DataFrame] | None = None) -> str:
    """The page of a truth.

    Args:
        truth: the effects.
        title: of the market.
        currency: of its money.
        further: tables of what else was asked, by the names of their files.
    """
    noun = truth.action
    sections = [
        Section(
            f"What an extra {noun.one} costs", f"The cheapest first. A channel whose margin lies far right of its average buys its next "
            f"{noun.one} dearly.", truth_chart(truth, currency), _table(truth), (AVERAGE, MARGINAL),
        )
    ]  # fmt: skip
    for name, table in (further or {}).items():
        heading, sentence = TABLES.get(name, (name.replace("_", " ").capitalize(), ""))
        more = f" The first {MOST_ROWS} of {len(table):,} rows." if len(table) > MOST_ROWS else ""
        sections.append(Section(heading, sentence + more, None, table.head(MOST_ROWS), folded=len(table) > 30))
    return render_figures(
        f"{title}: what the ads really caused", truth.summary().splitlines(), sections,
        kicker="The truth of a simulated market: the same people lived the same days without the ads",
        numbers=_numbers(truth, currency),
        assumed=f"The people, the prices and the effect of the ads are assumptions of the scenario. Effects count {truth.horizon}. "
        f"{UNBOUNDED}: money was spent and no extra {noun.one} came of it.",
    )  # fmt: skip


def truth_chart(truth: Truth, currency: str = "cost") -> "alt.LayerChart":
    """Per channel the price of an extra order, average and at the margin, the cheapest first.

    Args:
        truth: the effects.
        currency: what the axis calls money.
    """
    by = {(effect.channel, effect.estimand): effect for effect in truth.effects}
    channels = sorted(
        (effect for effect in truth.effects if effect.estimand == "average" and effect.channel != ALL),
        key=lambda effect: effect.cost_per_incremental_conversion,
    )
    marginal = [by.get((c.channel, "marginal_bid"), by.get((c.channel, "marginal_budget"))) for c in channels]
    one = truth.action.one
    frame = pd.DataFrame(
        {
            "name": [words(effect.channel) for effect in channels],
            "average": [effect.cost_per_incremental_conversion for effect in channels],
            "marginal": [float("nan") if m is None else m.cost_per_incremental_conversion for m in marginal],
            "remark": [_price(effect, currency, one) for effect in channels],
        }
    )
    title = f"{currency} per extra {one}, logarithmic"
    return mark_chart(frame, "name", (MARGINAL, AVERAGE), title, remark="remark", reference=None, log=True)


def _numbers(truth: Truth, currency: str) -> list[KeyNumber]:
    joint = next((effect for effect in truth.effects if effect.channel == ALL), None)
    if joint is None or ALL not in truth.labels or not truth.conversions:
        return []
    always = truth.labels[ALL].counts()["always"] / truth.conversions
    price = joint.cost_per_incremental_conversion
    return [
        KeyNumber(percent(always), f"of {truth.action.counted(truth.conversions)} would have come just the same without any ads", "always"),
        KeyNumber(f"{currency} {money(price)}", f"all ads’ cost for each {truth.action.one} more than without them"),
    ]  # fmt: skip


def _price(effect: Effect, currency: str, one: str) -> str:
    if effect.incremental_conversions <= 0:
        return f"{UNBOUNDED}: no extra {one}"
    return f"{currency} {money(effect.cost_per_incremental_conversion)}"


def _table(truth: Truth) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "channel": [ads_in_words(e.channel) for e in truth.effects],
            "effect": [words(e.estimand).lower() for e in truth.effects],
            "cost": [money(e.cost_micros / MICROS) for e in truth.effects],
            f"extra {truth.action.many}": [count(e.incremental_conversions) for e in truth.effects],
            f"cost per extra {truth.action.one}": [money(e.cost_per_incremental_conversion) for e in truth.effects],
            "new customers": [
                UNDEFINED if e.incremental_customers is None else count(e.incremental_customers) for e in truth.effects
            ],
            "the market": [e.feedback for e in truth.effects],
        }
    )
