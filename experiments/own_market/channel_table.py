"""The channel table: what a team has of its own market in one period (currency, impressions, clicks, actions), checked."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from attribution.formats.column_names import COST, columns_named
from cpalab.refusal import Problem, Refused, did_you_mean
from cpalab.tables.frames import read_frame
from experiments.own_market.kinds import KINDS, UNPAID, Kind, kind_of

__all__ = ["ChannelRow", "MarketTable", "SeenLag", "SeenPaths", "read_channels"]

Floats = npt.NDArray[np.float64]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "channel": ("channel", "campaign", "campaign name", "campaign type", "source", "default channel group"),
    "kind": ("kind", "type"),
    "cost": ("cost", "spend", *COST),
    "impressions": ("impressions", "impr", "impr.", "views", "sent"),
    "clicks": ("clicks", "link clicks", "clicks (all)", "clicks all"),
    "platform": ("platform", "platform conversions", "conversions", "results", "purchases", "claims"),
    "analytics": ("analytics", "ga4", "analytics conversions", "key events"),
    "crm": ("crm", "crm orders", "orders", "backend", "shop orders"),
    "value": ("value", "revenue", "conversion value", "purchases conversion value", "crm value"),
    "currency": ("currency", "currency code"),
}
COUNTS = ("impressions", "clicks", "platform", "analytics", "crm")


@dataclass(frozen=True)
class ChannelRow:
    """One bought channel in the period; nan where the table has no figure.

    Attributes:
        name: as a scenario names it; label: as the table does.
        kind: of `kinds.KINDS`.
        cost: in currency; impressions, clicks; platform, analytics, crm: actions by each system.
    """

    name: str
    label: str
    kind: str
    cost: float
    impressions: float
    clicks: float
    platform: float
    analytics: float
    crm: float

    @property
    def of(self) -> Kind:
        """What is supposed of its kind."""
        return KINDS[self.kind]

    @property
    def orders(self) -> float:
        """Orders by their source: the CRM's, else those of analytics, else three fifths of the platform's claims [M]."""
        for count in (self.crm, self.analytics, 0.6 * self.platform):
            if math.isfinite(count):
                return count
        return math.nan


@dataclass(frozen=True)
class SeenLag:
    """Conversions by days since the click.

    Attributes:
        edges: of the stretches of days, (B + 1,); the last may be infinite.
        counts: conversions in each, (B,).
    """

    edges: Floats
    counts: Floats


@dataclass(frozen=True)
class SeenPaths:
    """How often each channel stands in paths of conversions, (K,) each.

    Attributes:
        containing: conversions whose path holds it; last: those whose last touch of a bought channel is its own.
    """

    containing: Floats
    last: Floats


@dataclass(frozen=True)
class MarketTable:
    """All of them.

    Attributes:
        rows: bought channels.
        orders: of the shop in the period, whatever their source.
        order_value: in currency; nan where it is not known.
        currency: a code; days: length of the period.
        notes: what was supposed, in sentences.
        lag, paths: what further files say of journeys.
    """

    rows: tuple[ChannelRow, ...]
    orders: float
    order_value: float
    currency: str
    days: float
    notes: tuple[str, ...] = ()
    lag: SeenLag | None = None
    paths: SeenPaths | None = None


def read_channels(
    path: str | Path, *, days: float = 30.0, orders: float | None = None, order_value: float | None = None
) -> MarketTable:
    """A market from a table with a row per channel, as ad platforms export it.

    Columns are `channel, cost` and as much as there is of `impressions, clicks, platform, analytics, crm, value, kind,
    currency`.
    Rows without cost called direct, organic, referral … count towards all orders. `conversions` without another word are the
    platform's.

    Args:
        path: of the file.
        days: length of the period.
        orders: of the shop in all; None: those of all rows, or, without rows that cost nothing, 2.5 times the paid.
        order_value: mean value of an order in currency; None: from the column `value`.

    Raises:
        Refused: missing columns, negative or impossible figures, a channel twice, several currencies; all at once.
    """
    place = str(path)
    frame, left_out = read_frame(
        path, texts={n for n in _headers(path) if _column(n) in ("channel", "kind", "currency")}
    )
    columns = _columns(frame, place, days, {"orders": orders, "order_value": order_value})
    problems: list[Problem] = []
    cells = {name: _numbers(frame, columns, name, place, problems) for name in ("cost", *COUNTS, "value")}
    labels = [str(text).strip() for text in frame[columns["channel"]]]
    kinds = [str(k).strip() for k in frame[columns["kind"]]] if "kind" in columns else [""] * len(labels)
    currency = _currency(frame, columns, place, problems)
    paid = [
        not (re.search(UNPAID, label.casefold()) and not cost > 0)
        for label, cost in zip(labels, cells["cost"], strict=True)
    ]
    rows = _rows(labels, kinds, cells, paid, place, problems)
    if not any(paid):
        problems.append(Problem(place, "holds no channel with cost"))
    if problems:
        raise Refused(problems)
    unpaid = sum(_known(cells["crm"][i], cells["analytics"][i]) for i in range(len(labels)) if not paid[i])
    orders, notes = _all_orders(orders, sum(row.orders for row in rows), unpaid)
    if order_value is None:
        order_value = _order_value(rows, [v for v, p in zip(cells["value"], paid, strict=True) if p])
    notes = [*left_out, *notes]
    notes += [
        f"{row.label} is taken for {row.kind.replace('_', ' ')} by its name; a column kind says otherwise."
        for row, kind in zip(rows, [k for k, p in zip(kinds, paid, strict=True) if p], strict=True)
        if not kind
    ]
    return MarketTable(tuple(rows), orders, order_value, currency, days, tuple(notes))


def _columns(frame: pd.DataFrame, place: str, days: float, numbers: Mapping[str, float | None]) -> dict[str, str]:
    """Our name → the file's, for every column that is known."""
    problems = []
    columns = {}
    for name, words in COLUMNS.items():
        chosen = columns_named([str(c) for c in frame.columns if _column(str(c)) == name], words)
        if chosen:
            columns[name] = chosen[0]
    for name in ("channel", "cost"):
        if name not in columns:
            hint = did_you_mean(name, map(str, frame.columns)) or f"it has {', '.join(map(str, frame.columns))}"
            problems.append(Problem(f"{place}: column {name}", "is missing", hint=hint))
    if not {"platform", "analytics", "crm"} & columns.keys():
        rule = "must hold conversions by at least one of platform, analytics, crm"
        problems.append(Problem(f"{place}: columns", rule))
    if not 0 < days <= 366:
        problems.append(Problem("days", "must lie above 0 and not above 366", f"{days:g}"))
    for option, number in numbers.items():
        if number is not None and not 0 < number < math.inf:
            problems.append(Problem(option, "must be above 0", f"{number:g}"))
    if not len(frame):
        problems.append(Problem(place, "holds no rows"))
    if problems:
        raise Refused(problems)
    return columns


def _all_orders(given: float | None, by_source: float, unpaid: float) -> tuple[float, list[str]]:
    """All orders of the shop, and what was supposed for them."""
    if given is not None:
        if given < by_source:
            rule = f"must be at least the {by_source:,.0f} of the bought channels"
            raise Refused([Problem("orders", rule, f"{given:g}")])
        return given, []
    if unpaid > 0:
        return by_source + unpaid, []
    supposed = 2.5 * by_source
    said = (
        f"All orders are taken to be {supposed:,.0f}, 2.5 times those of bought channels [M]; --orders says how many."
    )
    return supposed, [said]


def _order_value(rows: Sequence[ChannelRow], values: Sequence[float]) -> float:
    """Value per action of the rows that have one, in currency; nan where none has."""
    value = counted = 0.0
    for row, worth in zip(rows, values, strict=True):
        if math.isfinite(worth):
            value, counted = value + worth, counted + _known(row.platform, row.orders)
    return value / counted if counted > 0 and value > 0 else math.nan


def _headers(path: str | Path) -> list[str]:
    return [str(c) for c in read_frame(path)[0].columns]


def _column(header: str) -> str:
    """Which of our columns a header is; empty for none."""
    for name, words in COLUMNS.items():
        if columns_named([header], words):
            return name
    return ""


def _known(*numbers: float) -> float:
    return next((n for n in numbers if math.isfinite(n)), 0.0)


def _numbers(
    frame: pd.DataFrame, columns: Mapping[str, str], name: str, place: str, problems: list[Problem]
) -> list[float]:
    """A column as numbers, nan where empty; what is no number or negative is a problem."""
    if name not in columns:
        return [math.nan] * len(frame)
    found = []
    for row, cell in enumerate(frame[columns[name]], start=1):
        text = "" if pd.isna(cell) else str(cell).strip()
        try:
            number = float(text) if text not in ("", "-", "–", "--") else math.nan
        except ValueError:
            problems.append(Problem(f"{place}: row {row}: {columns[name]}", "must be a number", repr(text)))
            number = math.nan
        if number < 0 or number == math.inf:
            problems.append(Problem(f"{place}: row {row}: {columns[name]}", "must be 0 or more", f"{number:g}"))
        found.append(number)
    return found


def _currency(frame: pd.DataFrame, columns: Mapping[str, str], place: str, problems: list[Problem]) -> str:
    """The one currency of all rows."""
    found = []
    if "currency" in columns:
        found = sorted(
            {str(c).strip().upper() for c in frame[columns["currency"]] if not pd.isna(c) and str(c).strip()}
        )
    bracket = re.search(r"\(([A-Z]{3})\)", columns["cost"])
    found = sorted({*found, *([bracket.group(1)] if bracket else [])})
    if len(found) > 1:
        problems.append(
            Problem(f"{place}: currency", "must be one for all rows", ", ".join(found), "convert the costs to one")
        )
    return found[0][:3] if found else "USD"


def _rows(
    labels: Sequence[str], kinds: Sequence[str], cells: Mapping[str, list[float]], paid: Sequence[bool], place: str,
    problems: list[Problem],
) -> list[ChannelRow]:  # fmt: skip
    rows: list[ChannelRow] = []
    names: dict[str, str] = {}
    for i, label in enumerate(labels):
        where = f"{place}: row {i + 1}"
        name = re.sub(r"[^a-z0-9]+", "_", label.casefold()).strip("_")[:40]
        name = name if re.match(r"[a-z]", name) else f"c_{name}"[:40]
        if not label:
            problems.append(Problem(f"{where}: channel", "is empty"))
        elif name in names:
            problems.append(Problem(f"{where}: channel", f"is the same as {names[name]!r} above", repr(label)))
        names[name] = label
        kind = kinds[i].casefold().replace(" ", "_").replace("-", "_")
        if kind and kind not in KINDS:
            problems.append(Problem(f"{where}: kind", "is unknown", repr(kinds[i]), did_you_mean(kind, KINDS)))
            kind = "other"
        if not paid[i]:
            continue
        own: dict[str, Any] = {column: values[i] for column, values in cells.items() if column != "value"}
        if not own["cost"] > 0:
            problems.append(
                Problem(f"{where}: cost", "must be above 0 for a bought channel", label, "leave the row out")
            )
        if own["clicks"] > own["impressions"]:
            problems.append(
                Problem(
                    f"{where}: clicks",
                    f"must not exceed the {own['impressions']:,.0f} impressions",
                    f"{own['clicks']:,.0f}",
                )
            )
        row = ChannelRow(name, label, kind or kind_of(label), **own)
        if (
            row.of.view_days == 0
            and max((n for n in (row.crm, row.analytics) if not math.isnan(n)), default=0) > row.clicks
        ):
            problems.append(
                Problem(f"{where}: clicks", "must not be fewer than the orders they led to", f"{row.clicks:,.0f}")
            )
        if not math.isfinite(row.orders):
            problems.append(Problem(f"{where}: conversions", "must be known by at least one system", label))
        rows.append(row)
    return rows
