"""Formats `tables` and `snowplow`: touches, conversions and spend, each a table of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from attribution.formats.records import (
    Records,
    empty_conversions,
    empty_touches,
    micros,
    segment_columns,
)
from attribution.formats.writing import OutputTable, in_currency
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError
from cpalab.tables.checked_columns import CheckedColumns, Column, match_columns
from cpalab.tables.input_table import InputTable
from cpalab.tables.report import ReadReport

Role = Literal["touches", "conversions", "costs"]

USER = (
    "user_id",
    "customer_id",
    "user_identifier",
    "stitched_user_id",
    "domain_userid",
    "visitor_id",
    "user",
)
CHANNEL = ("channel", "default_channel_group", "channel_name")
COST_TIME = ("time", "spend_tstamp", "date", "day", "segments.date")
TOUCHES = {
    "user_id": Column(USER),
    "time": Column(("time", "start_tstamp", "visit_start_tstamp", "derived_tstamp", "timestamp")),
    "channel": Column(CHANNEL),
    "kind": Column(("kind", "interaction"), required=False),
}
CONVERSIONS = {
    "user_id": Column(USER),
    "time": Column(("time", "cv_tstamp", "conversion_time", "timestamp")),
    "order_id": Column(("order_id", "cv_id", "transaction_id"), required=False),
    "value": Column(("value", "revenue", "cv_value", "cv_total_revenue"), required=False),
    "value_micros": Column(("value_micros",), required=False),
    "action": Column(("action", "cv_type"), required=False),
}
COSTS = {
    "channel": Column(CHANNEL),
    "time": Column(COST_TIME, required=False),
    "cost": Column(("cost", "spend", "amount"), required=False),
    "cost_micros": Column(("cost_micros", "metrics.cost_micros"), required=False),
}
SNOWPLOW_NAMES: dict[Role, dict[str, str]] = {
    "touches": {"user_id": "customer_id", "time": "start_tstamp"},
    "conversions": {
        "user_id": "customer_id",
        "time": "cv_tstamp",
        "order_id": "cv_id",
        "action": "cv_type",
        "value": "revenue",
    },
    "costs": {"time": "spend_tstamp", "cost": "spend"},
}
SNOWPLOW_COLUMNS = frozenset({"start_tstamp", "cv_tstamp", "spend_tstamp", "customer_id", "user_identifier"})


@dataclass(frozen=True)
class EventTables:
    """One table of touches, one of conversions and, if you like, one of costs, told apart by their columns.

    A touch table has a person, a time and a channel; a conversion table a person, a time and no channel; a
    cost table a channel, a cost and no person. Reads the common names of each column, Snowplow's included.
    """

    name = "tables"
    description = "touches (user_id, time, channel), conversions (user_id, time), costs (channel, cost)"

    def recognises(self, source: InputTable) -> bool:
        """Whether the source is one of the three tables."""
        return role_of(source) is not None

    def read(self, sources: Sequence[InputTable]) -> Records:
        """Read the tables; several of one role follow each other."""
        problems: list[str] = []
        parts: dict[Role, list[pa.Table]] = {"touches": [], "conversions": [], "costs": []}
        reports = []
        for source in sources:
            role = role_of(source)
            if role is None:
                problems.append(
                    f"{source.name}: columns {', '.join(source.columns[:8])} are neither touches (user_id, "
                    "time, channel), conversions (user_id, time) nor costs (channel, cost); rename them"
                )
                continue
            read = {"touches": read_touches, "conversions": read_conversions, "costs": read_costs}[role]
            table, report = read(source, problems)
            parts[role].append(table)
            reports.append(report)
        missing = [role for role in ("touches", "conversions") if not parts[role]]
        if missing and not problems:
            problems += [hint for source in sources if "touches" in missing for hint in _misspelt_channel(source)]
        if missing and not problems:
            problems.append(f"{' and '.join(missing)}: no table given; give one beside {sources[0].name}")
        if problems:
            raise InvalidInputError(problems)
        return Records(
            joined(parts["touches"]),
            joined(parts["conversions"]),
            joined(parts["costs"]) if parts["costs"] else None,
            ReadReport.sum(reports),
        )

    def tables(self, records: Records) -> tuple[OutputTable, ...]:
        """The three tables, money in currency units."""
        return (
            OutputTable("touches", records.touches),
            OutputTable("conversions", in_currency(records.conversions, "value")),
            *([OutputTable("costs", in_currency(records.costs, "cost"))] if records.costs is not None else []),
        )


@dataclass(frozen=True)
class Snowplow(EventTables):
    """The same three tables as `tables`, named as in Snowplow's attribution package.

    Touches `customer_id, start_tstamp, channel`; conversions `cv_id, customer_id, cv_tstamp, cv_type,
    revenue`; costs `spend_tstamp, channel, campaign, spend`.
    """

    name = "snowplow"
    description = "customer_id, start_tstamp, channel; cv_id, customer_id, cv_tstamp, revenue; spend"

    def recognises(self, source: InputTable) -> bool:
        """Whether the source is one of the three, by a name that only Snowplow uses."""
        return super().recognises(source) and bool(SNOWPLOW_COLUMNS & {c.casefold() for c in source.columns})

    def tables(self, records: Records) -> tuple[OutputTable, ...]:
        """The three tables under Snowplow's names."""
        return tuple(
            OutputTable(
                output.name,
                output.table.rename_columns(
                    [SNOWPLOW_NAMES[output.name].get(c, c) for c in output.table.column_names]  # type: ignore[index]
                ),
            )
            for output in super().tables(records)
        )


def role_of(source: InputTable) -> Role | None:
    """Which of the three tables a source is, by its columns."""
    names = {name.casefold() for name in source.columns}

    def has(wanted: tuple[str, ...]) -> bool:
        return not names.isdisjoint(wanted)

    person, channel = has(USER), has(CHANNEL)
    if person and has(TOUCHES["time"].names + CONVERSIONS["time"].names):
        return "touches" if channel and "cv_tstamp" not in names else "conversions"
    costs = has(COSTS["cost"].names + COSTS["cost_micros"].names)
    return "costs" if channel and costs and not person else None


def _misspelt_channel(source: InputTable) -> list[str]:
    """What to say of a table without a channel, one of whose columns is nearly called so."""
    import difflib

    near = [name for name in source.columns if difflib.get_close_matches(name.casefold(), CHANNEL, n=1, cutoff=0.8)]
    return [f"{source.name}: column {name!r} is unknown; did you mean channel?" for name in near]


def read_touches(source: InputTable, problems: list[str]) -> tuple[pa.Table, ReadReport]:
    """A table of touches and what became of its rows."""
    found, rest = match_columns(source, TOUCHES, problems)
    if not {"user_id", "time", "channel"} <= found.keys():
        return empty_touches(), ReadReport()
    sieve = CheckedColumns(source.name, source.load())
    columns = {
        "user_id": sieve.users(found["user_id"]),
        "time": sieve.times(found["time"]),
        "channel": sieve.text(found["channel"]),
    }
    if "kind" in found:
        columns["kind"] = pa.array(sieve.words(found["kind"], ("click", "view")), pa.string())
    columns |= segment_columns(sieve, rest, tuple(columns))
    return pa.table(columns).take(pa.array(sieve.kept())), sieve.report()


def read_conversions(source: InputTable, problems: list[str]) -> tuple[pa.Table, ReadReport]:
    """A table of conversions and what became of its rows."""
    found, rest = match_columns(source, CONVERSIONS, problems)
    if not {"user_id", "time"} <= found.keys():
        return empty_conversions(), ReadReport()
    if {"value", "value_micros"} <= found.keys():
        problems.append(f"{source.name}: both {found['value']!r} and {found['value_micros']!r} are given; keep one")
    sieve = CheckedColumns(source.name, source.load())
    columns = {"user_id": sieve.users(found["user_id"]), "time": sieve.times(found["time"])}
    for name in ("order_id", "action"):
        if name in found:
            columns[name] = sieve.text(found[name], empty_is=None)
    for name in ("value", "value_micros"):
        if name in found:
            amount = sieve.numbers(found[name])
            columns["value_micros"] = pa.array(micros(amount) if name == "value" else micros(amount / MICROS))
    columns |= segment_columns(sieve, rest, tuple(columns))
    return pa.table(columns).take(pa.array(sieve.kept())), sieve.report()


def read_costs(source: InputTable, problems: list[str]) -> tuple[pa.Table, ReadReport]:
    """A table of costs and what became of its rows."""
    found, rest = match_columns(source, COSTS, problems)
    amounts = [name for name in ("cost", "cost_micros") if name in found]
    if len(amounts) != 1:
        rule = "both are given; keep one" if amounts else f"column 'cost' is missing among {source.columns}"
        problems.append(f"{source.name}: 'cost' or 'cost_micros': {rule}")
    if len(amounts) != 1 or "channel" not in found:
        return pa.table({"channel": pa.array([], pa.large_string())}), ReadReport()
    sieve = CheckedColumns(source.name, source.load())
    columns = {"channel": sieve.text(found["channel"])}
    if "time" in found:
        columns["time"] = sieve.times(found["time"])
    amount = sieve.numbers(found[amounts[0]], empty=None)
    columns["cost_micros"] = pa.array(micros(amount if amounts == ["cost"] else amount / MICROS))
    columns |= segment_columns(sieve, rest, tuple(columns))
    return pa.table(columns).take(pa.array(sieve.kept())), sieve.report()


def joined(parts: Sequence[pa.Table]) -> pa.Table:
    """The rows of all parts; a column that one of them lacks is empty there."""
    return pa.concat_tables(parts, promote_options="permissive").unify_dictionaries()
