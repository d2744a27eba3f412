"""The table that is read in ten seconds: one line per channel with its verdict, two sentences, and what to do next."""

import math

from experiments.comparison.comparison import Comparison
from experiments.comparison.misjudged import channel_verdicts
from experiments.comparison.verdict import words
from experiments.report.numerals import UNBOUNDED, UNDEFINED, count, money, percent
from experiments.report.table import ColumnGroup, ReportTable, TableRow

__all__ = ["short_price", "ten_second_sentences", "ten_second_table"]


def short_price(amount: float) -> str:
    """A price as short as its size allows: 4.26, 32, 288, 1,018."""
    if not math.isfinite(amount):
        return money(amount)
    return count(amount, 2 if amount < 9.995 else 0)


def _price_with_interval(price: float, lower: float, upper: float) -> str:
    """`32 (28 to 36)`; where nothing was caused, from which price on."""
    if math.isnan(price) and math.isinf(lower):
        return UNDEFINED
    if not math.isfinite(price):
        return f"{short_price(lower)} or more" if math.isfinite(lower) else UNBOUNDED
    return f"{short_price(price)} ({short_price(lower)} to {short_price(upper)})"


def ten_second_table(comparison: Comparison) -> ReportTable:
    """Channel, spend, what the platform says, what the judge says, the truth with its interval, and the verdict."""
    said = channel_verdicts(comparison)
    groups = (
        ColumnGroup("", ("Spend",), "cost"),
        ColumnGroup("", ("Platform\nsays",), "claimed"),
        ColumnGroup("", (words(comparison.judge).replace(" ", "\n", 1),), "claimed"),
        ColumnGroup("", ("Truth\n(95 %)",), "true"),
        ColumnGroup("", ("Verdict",), "advice"),
    )
    rows = tuple(
        TableRow(
            words(own.channel),
            "paid",
            (
                count(own.cost),
                short_price(own.platform),
                short_price(own.attributed),
                "nothing"
                if own.words == "caused nothing"
                else _price_with_interval(own.incremental, own.lower, own.upper),
                own.words,
            ),
        )
        for own in said
    )
    return ReportTable(groups, rows)


def ten_second_sentences(comparison: Comparison) -> tuple[str, ...]:
    """How much money is misjudged and where most of it is; how many orders needed the ads; what to do next."""
    said = channel_verdicts(comparison)
    spent = sum(own.cost for own in said)
    by, one = words(comparison.judge), comparison.action.one
    lines = []
    misjudged = sum(own.misjudged for own in said)
    if spent > 0:
        worst = said[0]
        share = percent(misjudged / spent).replace("%", " %")
        where = f", most of it in {words(worst.channel)} ({worst.words})" if worst.misjudged > 0 else ""
        lines.append(
            f"{by} misjudges {count(misjudged)} of {count(spent)} {comparison.currency} spent ({share}){where}."
        )
    lines.append(comparison.truth.summary())
    lines.append(
        f"Prices are cost per {one}; the truth is cost per extra {one}, with the range that it has in markets like this one."
    )
    if any(own.words.endswith("+") for own in said):
        lines.append("1.8×+ means at least 1.8 times: too few orders were caused to say how many times.")
    lines.append(
        "Next: --full for every table, --out DIR for the page to send round, cpalab lifttests to test it for real."
    )
    return tuple(lines)
