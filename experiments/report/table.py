"""The table of the report: cost, the price of an order by every method, delivery (currency units)."""

import math
from dataclasses import dataclass
from typing import Literal

from experiments.comparison import ChannelComparison, Comparison
from experiments.report.flattery import by_flattery, models
from experiments.report.frames import LEVEL
from experiments.report.numerals import UNDEFINED, count, counts, money, percent, span
from experiments.report.wording import joint_effect
from experiments.truth import Effect
from experiments.verdict import words

RowKind = Literal["paid", "free", "total"]


@dataclass(frozen=True)
class ColumnGroup:
    """Columns under one heading.

    Attributes:
        heading: of the group; empty where the columns speak for themselves.
        columns: their own headings.
        kind: what the group tells, for its look: cost, claimed, tested, true, or what the cost bought.
    """

    heading: str
    columns: tuple[str, ...]
    kind: Literal["cost", "claimed", "tested", "true", "delivery"]


@dataclass(frozen=True)
class TableRow:
    """One line: its heading and one text per column."""

    name: str
    kind: RowKind
    cells: tuple[str, ...]


@dataclass(frozen=True)
class CpaTable:
    """The table as text, ready to be typeset.

    Attributes:
        groups: the column groups, in order.
        rows: paid channels (the most flattered first), then orders no ad is credited with, then all together.
    """

    groups: tuple[ColumnGroup, ...]
    rows: tuple[TableRow, ...]


def cpa_columns(comparison: Comparison) -> CpaTable:
    """CPA = cost / orders by method; CPM = 1000 cost / impressions, CTR = clicks / impressions, CPC = cost / clicks.

    Orders credited to channels that cost nothing, and orders without any touch, have rows of their own, so that
    under every model the orders add up to those that happened. The truth of the last row is that of all ads
    together: what channels cause one by one does not add up to it.
    """
    compared = models(comparison)
    groups = (
        ColumnGroup("", ("Cost",), "cost"),
        *(ColumnGroup(words(model), ("Orders", "CPA"), "claimed") for model in compared),
        ColumnGroup("Lift test", ("CPA", f"{percent(LEVEL)} interval"), "tested"),
        ColumnGroup("Truth", ("Extra orders", "CPA"), "true"),
        ColumnGroup("Delivery", ("Impressions", "Clicks", "CPM", "CTR", "CPC"), "delivery"),
    )
    channels = by_flattery(comparison)
    credited = _credited(comparison, compared)
    cost = sum(channel.cost for channel in channels)
    lines: list[tuple[str, RowKind, tuple[str, ...], float, tuple[str, ...]]] = [
        (words(channel.channel), "paid", _delivery(channel.cost, channel.impressions, channel.clicks),
         channel.cost, (*_tested(channel), *_true(channel.truth)))
        for channel in channels
    ]  # fmt: skip
    nothing = (UNDEFINED,) * 5
    lines += [(name, "free", nothing, math.nan, nothing[:4]) for name in list(credited)[len(channels) :]]
    total = _delivery(cost, sum(c.impressions for c in channels), sum(c.clicks for c in channels))
    joint = joint_effect(comparison)
    lines.append(("All together", "total", total, cost, (*nothing[:2], *(_true(joint) if joint else nothing[:2]))))
    credits = [*credited.values(), [sum(column) for column in zip(*credited.values(), strict=True)]]
    orders = [counts(column) for column in zip(*credits, strict=True)]
    rows = []
    for i, (name, kind, delivery, paid, known) in enumerate(lines):
        claims = [text for m in range(len(compared)) for text in (orders[m][i], money(_cpa(paid, credits[i][m])))]
        rows.append(TableRow(name, kind, (money(paid), *claims, *known, *delivery)))
    return CpaTable(groups, tuple(rows))


def _credited(comparison: Comparison, compared: tuple[str, ...]) -> dict[str, list[float]]:
    """Orders by line and model: paid channels, free channels, and orders without a touch."""
    result = {
        words(channel.channel): [channel.credits[model] for model in compared] for channel in by_flattery(comparison)
    }
    paid = {channel.channel for channel in comparison.channels}
    claims = comparison.cpa[comparison.cpa["method"].isin(compared)]
    wide = claims.pivot(index="channel", columns="method", values="conversions").fillna(0.0)
    for name in wide.index:
        if name not in paid:
            result[words(str(name))] = [float(wide.loc[name, model]) for model in compared]
    if comparison.unattributed > 0:
        result["No touch"] = [comparison.unattributed] * len(compared)
    return result


def _delivery(cost: float, impressions: int, clicks: int) -> tuple[str, ...]:
    return (
        count(impressions),
        count(clicks),
        money(1000 * cost / impressions if impressions else math.nan),
        percent(clicks / impressions if impressions else math.nan, 2),
        money(cost / clicks if clicks else math.nan),
    )


def _cpa(cost: float, orders: float) -> float:
    return cost / orders if orders > 0 else math.nan


def _tested(channel: ChannelComparison) -> tuple[str, str]:
    if channel.lift is None:
        return UNDEFINED, UNDEFINED
    price = channel.lift.cost_per_incremental_conversion(LEVEL)
    return money(price.point), span(price.lower, price.upper)


def _true(effect: Effect) -> tuple[str, str]:
    return count(effect.incremental_conversions), money(effect.cost_per_incremental_conversion)
