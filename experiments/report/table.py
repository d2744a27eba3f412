"""The tables of the report: prices of an action by method and system, what was bought, what tests found (currency)."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from attribution.costs.cpa import attributed_cpa
from experiments.comparison.comparison import ChannelComparison, Comparison
from experiments.comparison.five_cpas import INCREMENTAL, ORACLE, FiveCpas
from experiments.comparison.verdict import system_in_words, words
from experiments.designs.users.narrowing import narrowing
from experiments.report.frames import LEVEL
from experiments.report.numerals import UNDEFINED, count, count_span, counts, money, p_value, percent, span
from experiments.report.order_of_channels import by_over_credit, models
from experiments.report.wording import joint_effect, kind_in_words
from experiments.truth.effects import ALL, Effect

TOGETHER = "All paid channels"
WEEKS_READING = (
    "What each system books on the days of a week, over what was paid in it. What is booked on an ad before day 0 belongs to "
    "no week, and what the last weeks' ads bring is still to come."
)
RowKind = Literal["paid", "together", "free", "total"]


@dataclass(frozen=True)
class ColumnGroup:
    """Columns under one heading.

    Attributes:
        heading: of the group; empty where the columns speak for themselves.
        columns: their own headings.
        kind: what the group tells, for its look: cost, claimed, tested, true, what the cost bought, or a sentence.
        prices: those of the columns that hold the price of an action.
        joined: how its columns read as one, where a line is too short for all of them, such as `{} at {}`; empty: apart.
    """

    heading: str
    columns: tuple[str, ...]
    kind: Literal["cost", "claimed", "tested", "true", "delivery", "advice"]
    prices: tuple[str, ...] = ("CPA",)
    joined: str = ""

    @property
    def justify(self) -> Literal["left", "right"]:
        """Numbers stand right."""
        return "left" if self.kind in ("delivery", "advice") else "right"

    @property
    def joined_heading(self) -> str:
        """The heading of the columns as one: that of the group, and in brackets what stands in brackets below."""
        return f"{self.heading} ({self.columns[-1]})" if "(" in self.joined else self.heading


@dataclass(frozen=True)
class TableRow:
    """One line: its heading and one text per column."""

    name: str
    kind: RowKind
    cells: tuple[str, ...]


@dataclass(frozen=True)
class ReportTable:
    """A table as text, ready to be typeset.

    Attributes:
        groups: the column groups, in order.
        rows: the lines, in order, each with one cell per column.
        heading: of the column of their names.
    """

    groups: tuple[ColumnGroup, ...]
    rows: tuple[TableRow, ...]
    heading: str = "Channel"

    def joined_cells(self, row: TableRow) -> list[str]:
        """The cells of a row, those of groups that read as one joined, unless the second is undefined."""
        cells, found = iter(row.cells), []
        for group in self.groups:
            own = [next(cells) for _ in group.columns]
            if group.joined:
                own = [own[0] if own[-1] == UNDEFINED else group.joined.format(*own)]
            found += own
        return found


def cpa_columns(comparison: Comparison) -> ReportTable:
    """CPA = cost / actions, by method: paid channels (the most over-credited first), all of them together, the rest.

    Together, the paid channels' CPA is their cost over the actions a model credits them with; under truth it is their
    cost over what all ads together caused, to which what channels cause one by one does not add up. Actions credited
    to channels that cost nothing, and those without any touch, have rows of their own, so that under every model
    the last row holds those that happened.
    """
    compared = models(comparison)
    many = comparison.action.many.capitalize()
    groups = (
        ColumnGroup("", ("Cost",), "cost"),
        *(ColumnGroup(words(model), (many, "CPA"), "claimed", joined="{} at {}") for model in compared),
        ColumnGroup("Lift test", ("CPA", f"{percent(LEVEL)} interval"), "tested", joined="{} ({})"),
        ColumnGroup("Truth", (f"Extra {comparison.action.many}", "CPA"), "true", joined="{} at {}"),
    )
    channels = by_over_credit(comparison)
    cost = sum(channel.cost for channel in channels)
    joint = joint_effect(comparison)
    nothing = (UNDEFINED,) * 4
    credited = _credited(comparison, compared)
    paid, rest = credited[: len(channels)], credited[len(channels) :]
    lines: list[tuple[str, RowKind, list[float], float, tuple[str, ...]]] = [
        (name, "paid", credits, channel.cost, (*_tested(channel), *_true(channel.truth)))
        for (name, credits), channel in zip(paid, channels, strict=True)
    ]
    together = (*nothing[:2], *(_true(joint) if joint else nothing[2:]))
    lines.append((TOGETHER, "together", _summed(paid, compared), cost, together))
    lines += [(name, "free", credits, math.nan, nothing) for name, credits in rest]
    lines.append((f"All {comparison.action.many}", "total", _summed(credited, compared), math.nan, nothing))
    columns = [counts(column) for column in zip(*(credits for _, _, credits, _, _ in lines), strict=True)]
    rows = []
    for i, (name, kind, credits, spent, known) in enumerate(lines):
        claims = [
            text for m in range(len(compared)) for text in (columns[m][i], money(attributed_cpa(spent, credits[m])))
        ]
        rows.append(TableRow(name, kind, (money(spent), *claims, *known)))
    return ReportTable(groups, tuple(rows))


def paid_channel(channel: str) -> str:
    """A paid channel in words, or all of them together."""
    return TOGETHER if channel == ALL else words(channel)


def kind_of(channel: str) -> RowKind:
    """The kind of row of a paid channel, or of all of them together."""
    return "total" if channel == ALL else "paid"


def system_columns(systems: FiveCpas) -> ReportTable:
    """CPA of each paid channel, and of all together, in the eyes of each system, as `cpalab run` prints it."""
    kinds: dict[str, tuple[str, Literal["claimed", "true"]]] = {
        ORACLE: ("Perfect tracking", "claimed"),
        INCREMENTAL: ("Truth", "true"),
    }
    reported = tuple(source for source in systems.telling if source not in kinds)
    groups = [ColumnGroup("Reported by", tuple(map(source_in_words, reported)), "claimed")]
    groups += [ColumnGroup(kinds[source][0], (source.capitalize(),), kinds[source][1]) for source in kinds]
    rows = tuple(
        TableRow(
            paid_channel(own.channel),
            kind_of(own.channel),
            tuple(money(own.cpa(source)) for source in systems.telling),
        )
        for own in systems.channels
    )
    return ReportTable(tuple(replace(group, prices=group.columns) for group in groups), rows)


def source_in_words(source: str) -> str:
    """`crm_qualified` as CRM qualified."""
    return words(source).replace("Crm", "CRM")


def week_columns(weeks: pd.DataFrame) -> ReportTable:
    """CPA of each paid channel, and of all together, in each system's eyes, week by week (`cpa_by_week`)."""
    length = weeks.groupby("week")["days"].first()
    headings = tuple(f"Week {week}" + (f" ({n} days)" if n < length.max() else "") for week, n in length.items())
    rows = tuple(
        TableRow(
            f"{paid_channel(str(channel))}, {system_in_words(str(system))}",
            kind_of(str(channel)),
            tuple(money(float(price)) for price in own["cost_per_conversion"]),
        )
        for (channel, system), own in weeks.groupby(["channel", "system"], sort=False)
    )
    return ReportTable((ColumnGroup("CPA", headings, "claimed", prices=headings),), rows)


def delivery_columns(comparison: Comparison) -> ReportTable:
    """What the money bought: CPM = 1000 cost / impressions, CTR = clicks / impressions, CPC = cost / clicks."""
    groups = (
        ColumnGroup("", ("Cost",), "cost"),
        ColumnGroup("", ("Impressions", "Clicks", "CPM", "CTR", "CPC"), "delivery"),
    )
    channels = by_over_credit(comparison)
    total = (sum(c.cost for c in channels), sum(c.impressions for c in channels), sum(c.clicks for c in channels))
    rows = [TableRow(words(c.channel), "paid", _delivery(c.cost, c.impressions, c.clicks)) for c in channels]
    return ReportTable(groups, (*rows, TableRow(TOGETHER, "total", _delivery(*total))))


def sharpness_columns(comparison: Comparison) -> ReportTable | None:
    """What each holdout test found, how wide its interval is, and which share held out would halve it, or narrow it most.

    None where no channel was tested. Shares by `experiments.designs.users.narrowing.narrowing`.
    """
    tested = [(channel, channel.lift) for channel in by_over_credit(comparison) if channel.lift is not None]
    if not tested:
        return None
    extra = f"Extra {comparison.action.many}"
    groups = (
        ColumnGroup("Test", ("Design", "Held out"), "delivery", ()),
        ColumnGroup("Found", (extra, f"{percent(LEVEL)} interval", "Its width"), "tested", ()),
        ColumnGroup("Truth", (f"True {extra.lower()}",), "true", (f"True {extra.lower()}",)),
        ColumnGroup("", ("To halve the width",), "advice", ()),
    )
    rows = []
    for channel, test in tested:
        lift, shares = test.incremental_conversions, narrowing(test)
        lower, upper = lift.interval(LEVEL)
        cells = (
            channel.design.replace("_", " ") or UNDEFINED,
            percent(shares.share),
            count(lift.difference),
            count_span(lower, upper),
            count(upper - lower),
            count(channel.truth.incremental_conversions),
            shares.summary(),
        )
        rows.append(TableRow(words(channel.channel), "paid", cells))
    return ReportTable(groups, tuple(rows))


def geo_test_columns(comparison: Comparison) -> ReportTable | None:
    """What each geo test found beside its truth, both as what it changed in the treated geos; None without any."""
    if not comparison.geo_tests:
        return None
    extra, one = f"extra {comparison.action.many}", comparison.action.one
    price, true_price = f"Cost per {one}", f"True cost per {one}"
    found = (extra.capitalize(), f"{percent(LEVEL)} interval", "p-value", "Extra cost", price, "Its interval")
    groups = (
        ColumnGroup("Test", ("Kind", "Geos"), "delivery", ()),
        ColumnGroup("Found", found, "tested", ()),
        ColumnGroup("Truth", (f"True {extra}", true_price), "true", (true_price,)),
    )
    rows = []
    for own in comparison.geo_tests:
        change, cells = own.truth.change, (UNDEFINED,) * 7
        if own.test is not None:
            lift, cost = own.test.lift, own.test.cost_per_incremental_conversion(LEVEL)
            geos = own.test.treated_geos + own.test.control_geos
            cells = (
                "all" if own.kind == "on_off" else f"{own.test.treated_geos} of {geos}",
                count(lift.difference),
                count_span(*lift.interval(LEVEL)),
                p_value(own.test.p_value),
                money(own.test.cost),
                money(cost.point),
                span(cost.lower, cost.upper),
            )
        true = (
            count(change.incremental_conversions),
            money(own.truth.of_ads.cost_per_incremental_conversion),
        )
        rows.append(TableRow(words(own.name), "paid", (kind_in_words(own.kind), *cells, *true)))
    return ReportTable(groups, tuple(rows), "Geo test")


def _credited(comparison: Comparison, compared: tuple[str, ...]) -> list[tuple[str, list[float]]]:
    """Actions by line and model: paid channels, free channels, and actions without a touch."""
    channels = by_over_credit(comparison)
    result = [(words(channel.channel), [channel.credits[model] for model in compared]) for channel in channels]
    paid = {channel.channel for channel in channels}
    claims = comparison.cpa[comparison.cpa["method"].isin(compared)]
    wide = claims.pivot(index="channel", columns="method", values="conversions").fillna(0.0)
    result += [
        (words(str(name)), [float(wide.loc[name, model]) for model in compared])
        for name in wide.index
        if name not in paid
    ]
    if comparison.unattributed > 0:
        result.append(("No touch", [comparison.unattributed] * len(compared)))
    return result


def _summed(lines: list[tuple[str, list[float]]], compared: tuple[str, ...]) -> list[float]:
    return [sum(credits[m] for _, credits in lines) for m in range(len(compared))]


def _delivery(cost: float, impressions: int, clicks: int) -> tuple[str, ...]:
    return (
        money(cost),
        count(impressions),
        count(clicks),
        money(1000 * cost / impressions if impressions else math.nan),
        percent(clicks / impressions if impressions else math.nan, 2),
        money(cost / clicks if clicks else math.nan),
    )


def _tested(channel: ChannelComparison) -> tuple[str, str]:
    if channel.lift is None:
        return UNDEFINED, UNDEFINED
    price = channel.lift.cost_per_incremental_conversion(LEVEL)
    return money(price.point), span(price.lower, price.upper)


def _true(effect: Effect) -> tuple[str, str]:
    return count(effect.incremental_conversions), money(effect.cost_per_incremental_conversion)
