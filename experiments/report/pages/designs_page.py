"""Lift-test designs side by side, as one page: what each finds beside its truth, and what it costs (conversions, money)."""

import math

import pandas as pd

from experiments.comparison.verdict import words
from experiments.designs.design import LEVEL
from experiments.designs.side_by_side import DesignResult, SideBySide
from experiments.report.charts.intervals import Mark, mark_chart
from experiments.report.numerals import UNDEFINED, count, count_span, money, percent
from experiments.report.pages.figure_page import Section, render_figures

__all__ = ["render_designs"]

FOUND = Mark("found", "what the test finds", "circle", "claimed")
TRUE = Mark("true", "truth: what the ads the test is about caused", "diamond", "true")
BIAS = Mark("bias", "mean of what is found minus truth", "circle", "claimed")


def render_designs(found: SideBySide) -> str:
    """The page of designs tried on one market: of its first world each reading, and over several what they are worth.

    Args:
        found: every reading beside its truth.
    """
    seeds = dict.fromkeys(result.seed for result in found.results)
    channels = list(dict.fromkeys(result.channel for result in found.results))
    sections = []
    if len(seeds) > 1:
        over = found.over_seeds()
        sections += [_worth(channel, over[over["channel"] == channel], len(seeds)) for channel in channels]
    first = next(iter(seeds))
    for channel in channels:
        own = [result for result in found.results if (result.seed, result.channel) == (first, channel)]
        sections.append(_readings(channel, own, found.currency, "" if len(seeds) == 1 else ", in the first world"))
    return render_figures(
        f"{found.title or 'Your scenario'}: which lift test finds the truth", [found.summary()], sections,
        kicker="Lift-test designs side by side, each in the same market",
        assumed=f"Intervals are of {LEVEL:.0%}. A truth is that of the very ads and people a design is about, so designs differ in it. "
        "The market is simulated: which designs are sound carries over, how large effects are does not.",
    )  # fmt: skip


def _readings(channel: str, own: list[DesignResult], currency: str, where: str) -> Section:
    rows = []
    for result in own:
        reading, truth = result.reading, result.truth
        lower, upper = (math.nan, math.nan) if reading is None else reading.lift.interval(LEVEL)
        rows.append(
            {
                "name": words(result.design), "found": math.nan if reading is None else reading.lift.difference,
                "lower": lower, "upper": upper, "true": float(truth.incremental_conversions),
                "remark": _verdict(result),
                "price": UNDEFINED if reading is None else money(reading.cost.point),
                "true price": money(truth.cost_per_incremental_conversion),
                "test cost": UNDEFINED if reading is None else money(reading.test_cost),
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    holding = sum(row["remark"] == "holds the truth" for row in rows)
    told = [row for row in rows if row["remark"] != "no reading"]
    table = pd.DataFrame(
        {
            "design": frame["name"],
            "extra orders": [count(x) for x in frame["found"]],
            "interval": [count_span(*ends) for ends in zip(frame["lower"], frame["upper"], strict=True)],
            "truth": [count(x) for x in frame["true"]],
            f"{currency} per extra order": frame["price"],
            "true price": frame["true price"],
            "cost of the test": frame["test cost"],
            "": frame["remark"],
        }
    )
    sentence = f"{holding} of {len(told)} intervals hold the truth. The wider a bar, the less the test can tell."
    chart = mark_chart(frame, "name", (FOUND, TRUE), "extra orders", interval=("lower", "upper"), remark="remark")
    return Section(words(channel) + where, sentence, chart, table, (FOUND, TRUE), f"its {LEVEL:.0%} interval")


def _verdict(result: DesignResult) -> str:
    if result.reading is None:
        return "no reading"
    return "holds the truth" if result.reading.covers(result.truth.incremental_conversions) else "misses the truth"


def _worth(channel: str, over: pd.DataFrame, seeds: int) -> Section:
    error = 2 * over["bias_standard_error"]
    frame = over.assign(
        name=[words(design) for design in over["design"]], lower=over["bias"] - error, upper=over["bias"] + error,
        remark=[f"{n} of {m} hold the truth" for n, m in zip(over["covered"], over["repeats"], strict=True)],
    )  # fmt: skip
    table = pd.DataFrame(
        {
            "design": frame["name"],
            "truth": [count(x, 1) for x in over["true_incremental_conversions"]],
            "bias": [count(x, 1) for x in over["bias"]],
            "of truth": [percent(x) for x in over["relative_bias"]],
            "intervals that hold the truth": frame["remark"].str.removesuffix(" hold the truth"),
            "width of the interval": [count(x) for x in over["width"]],
            "orders given up": [count(x, 1) for x in over["conversions_forgone"]],
            "cost of the test": [money(x) for x in over["test_cost"]],
        }
    )
    sentence = (
        f"Over {seeds} markets: a sound design lies about zero, and about {LEVEL:.0%} of its intervals hold the truth."
    )
    chart = mark_chart(
        frame, "name", (BIAS,), "extra orders too many or too few", interval=("lower", "upper"), remark="remark"
    )
    return Section(
        f"{words(channel)}: what the designs are worth", sentence, chart, table, (BIAS,), "two standard errors"
    )
