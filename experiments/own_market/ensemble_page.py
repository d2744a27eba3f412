"""Your own market as one page: what its table leaves open about the cost of an extra order, and what would tell (money)."""

import math

import pandas as pd

from experiments.own_market.ensemble import CausedRange, Ensemble
from experiments.report.charts.intervals import Mark, mark_chart
from experiments.report.numerals import UNBOUNDED, count, money, percent
from experiments.report.pages.figure_page import KeyNumber, Section, render_figures

__all__ = ["render_ensemble"]

CLAIMED = Mark("claimed", "what the ad platform says an order costs", "circle", "claimed")
MIDDLE = Mark("middle", "an extra order: the middle of what is possible", "diamond", "true")


def render_ensemble(found: Ensemble) -> str:
    """The page of an ensemble.

    Args:
        found: the worlds that fit, and what they leave open.
    """
    currency = found.table.currency or "money"
    ranges = sorted(found.ranges, key=lambda r: -r.cost)
    platform = {row.name: row.platform for row in found.table.rows}
    frame = pd.DataFrame(
        {
            "name": [r.channel for r in ranges],
            "claimed": [_claimed(r, platform.get(r.name, math.nan)) for r in ranges],
            "middle": [r.price(r.median) for r in ranges],
            "lower": [r.price(r.upper) for r in ranges],
            "upper": [r.price(r.lower) for r in ranges],
            "remark": [_prices(r) for r in ranges],
        }
    )
    table = pd.DataFrame(
        {
            "channel": [r.channel + (" (tested)" if r.tested else "") for r in ranges],
            "cost": [money(r.cost) for r in ranges],
            "the platform’s cost per order": [money(x) for x in frame["claimed"]],
            "orders by source": [count(r.orders) for r in ranges],
            "extra orders": [f"{count(r.lower)} to {count(r.upper)}" for r in ranges],
            "cost per extra order": frame["remark"],
        }
    )
    chart = mark_chart(
        frame, "name", (MIDDLE, CLAIMED), f"{currency} per order, logarithmic", interval=("lower", "upper"), remark="remark",
        reference=None, log=True,
    )  # fmt: skip
    sections = [
        Section(
            "What an extra order may cost", "Every price in the bar fits your table. Where the platform’s price lies left of the "
            "bar, it takes credit for orders that would have come anyway, in every world.", chart, table, (CLAIMED, MIDDLE),
            "90% range of the cost of an extra order",
        ),
        Section("Which lift test would tell most", _test_sentence(found), None, _tests(found)),
        Section(
            "How well the middle world shows your table", "Observed and simulated figures, their distance in standard errors.", None,
            found.fit_frame(), folded=True,
        ),
    ]  # fmt: skip
    first, *others = found.summary().splitlines()
    return render_figures(
        "Your market: what your figures leave open", [*others, first], sections,
        kicker="Worlds that all show your channel table, and differ in what it cannot show",
        numbers=_numbers(found, currency),
        assumed="No table of attributed orders says what ads cause. The ranges come from published experiments on channels of each "
        "kind and from your own lift tests; the funnel, devices, conversion lag and consent are supposed.",
    )  # fmt: skip


def _claimed(r: CausedRange, orders: float) -> float:
    return r.cost / orders if orders > 0 else math.nan


def _prices(r: CausedRange) -> str:
    return f"{money(r.price(r.upper))} to {money(r.price(r.lower))}"


def _numbers(found: Ensemble, currency: str) -> list[KeyNumber]:
    cost = sum(r.cost for r in found.ranges)
    claimed = sum(row.platform for row in found.table.rows if row.platform > 0)
    middle = sum(r.median for r in found.ranges)
    paid = f"{currency} {money(cost / claimed)}" if claimed > 0 else UNBOUNDED
    truly = f"{currency} {money(cost / middle)}" if middle > 0 else UNBOUNDED
    return [
        KeyNumber(paid, "an order costs, as the ad platforms say", "claimed"),
        KeyNumber(truly, "an extra order costs, in the middle of what is possible"),
    ]


def _tests(found: Ensemble) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "channel": [test.channel for test in found.tests],
            "its range becomes narrower by": [percent(test.narrows) for test in found.tests],
            "orders given up": [count(test.given_up) for test in found.tests],
            "standard error, in orders": [count(test.standard_error, 1) for test in found.tests],
        }
    )


def _test_sentence(found: Ensemble) -> str:
    if not found.tests:
        return "No test of one such period would narrow a range."
    return f"Half of the people held out for one such period ({found.table.days:g} days); the most telling per order given up first."
