"""Formats `tables` and `snowplow`: touches, conversions and spend, each a table of its own, or events of all kinds in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, get_args, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.column_names import (
    ACTION,
    CHANNEL,
    CONVERSIONS,
    COST,
    COSTS,
    ORDER,
    ORIGIN,
    PERIOD_END,
    PLATFORMS,
    TOUCHES,
    USER,
    VALUE,
    VIEWS,
    columns_named,
)
from attribution.formats.cost_rows import levels_problems, tell_repeats
from attribution.formats.orders import Refunds, Rows, copy_id, settled, status_of
from attribution.formats.origins import ChannelName, Origins, channels_of, click_ids, origin_words, with_origins_of_urls
from attribution.formats.records import Records, empty_conversions, empty_touches, micros, segment_columns
from attribution.formats.roles import Role, misspelt_channel, role_of, roles_of
from attribution.formats.row_meaning import (
    conversion_notes,
    leave_out_unconverted,
    touch_notes,
    unnamed_action,
    words_of,
)
from attribution.formats.writing import Limits, OutputTable, in_currency
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError, did_you_mean
from cpalab.tables.checked_columns import Bools, CheckedColumns, Column, match_columns
from cpalab.tables.dialect import plain_name
from cpalab.tables.exchange import in_one_currency
from cpalab.tables.input_table import InputTable
from cpalab.tables.report import ReadReport

DAY = 86_400_000_000
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
    """Touches, conversions and, if you like, costs, told apart by their columns; or one table of events of all kinds.

    A touch table has a person, a time and a channel (or a source and medium, of which GA4's default channel group is made); a
    conversion table a person and a time, and no channel or an order, value or action; a cost table a channel or campaign, a
    cost and no person. Reads the names that Snowplow, Segment, RudderStack, AppsFlyer, Adjust, Amplitude, Matomo, Shopify and
    the ad platforms' reports use (`column_names`).

    Attributes:
        channel: what is made of source, medium and campaign where there is no channel.
        refunds: negative values: refused; taken off the `value` of their order; or `orders` that they undo are not counted.
        order_rows: rows with one order id whose values differ: refused unless a column of articles tells them apart ("ask"),
            added up ("sum"), or the first counts ("first").
    """

    channel: ChannelName = "channel_group"
    refunds: Refunds = "refuse"
    order_rows: Rows = "ask"

    name: ClassVar[str] = "tables"
    description: ClassVar[str] = "touches (user_id, time, channel), conversions (user_id, time), costs (channel, cost)"
    layout: ClassVar[Mapping[str, Mapping[str, Column]]] = {
        "touches": TOUCHES,
        "conversions": CONVERSIONS,
        "costs": COSTS,
    }
    limits: ClassVar[Limits] = Limits(cost="tables")
    example: ClassVar[str] = "u1,2026-03-01 10:00:00,email | u1,2026-03-02 09:30:00,o17,49.90 | email,120.00"

    def __post_init__(self) -> None:
        """Refuse words that mean nothing."""
        hints = get_type_hints(type(self))
        given = {name: str(getattr(self, name)) for name in ("channel", "refunds", "order_rows")}
        problems = [
            f"{self.name}.{name}: {word!r} is unknown; {did_you_mean(word, get_args(hints[name]))}"
            for name, word in given.items()
            if word not in get_args(hints[name])
        ]
        if problems:
            raise InvalidInputError(problems)

    def recognises(self, source: InputTable) -> bool:
        """Whether the source is one of the three tables."""
        return role_of(source) is not None

    def read(self, sources: Sequence[InputTable]) -> Records:
        """Read the tables; several of one role follow each other."""
        problems: list[str] = []
        roles = roles_of(sources)
        problems += [
            f"{source.name}: columns {', '.join(source.columns[:8])} are neither touches (user_id, "
            "time, channel), conversions (user_id, time) nor costs (channel, cost); rename them"
            for source, found in zip(sources, roles, strict=True)
            if not found
        ]
        every = {role for found in roles for role in found}
        missing = [role for role in ("touches", "conversions") if role not in every]
        if missing and not problems:
            problems += [hint for source in sources if "touches" in missing for hint in misspelt_channel(source)]
        if missing and not problems:
            problems.append(f"{' and '.join(missing)}: no table given; give one beside {sources[0].name}")
        if problems:
            raise InvalidInputError(problems)
        parts: dict[Role, list[_Part]] = {"touches": [], "conversions": [], "costs": []}
        for source, found in zip(sources, roles, strict=True):
            for role in found:
                part = getattr(self, f"_{role}")(source, problems)
                # The rows of a table of both are read once.
                once = part.report if role == found[0] else replace(part.report, rows=0, files=())
                parts[role].append(replace(part, report=once))
            if len(found) > 1:
                problems += _of_one_kind(source)
        reports = [part.report for role in parts.values() for part in role]
        if problems:
            raise InvalidInputError([*problems, *(str(defect) for report in reports for defect in report.defects)])
        touches, conversions = (joined([part.table for part in parts[role]]) for role in ("touches", "conversions"))
        without_hour = np.concatenate([part.without_hour for part in parts["conversions"]])
        dated = np.concatenate([part.without_hour for part in parts["touches"]])
        conversions, notes = _at_the_end_of_day(touches, conversions, dated, without_hour)
        costs = joined([part.table for part in parts["costs"]]) if parts["costs"] else None
        return Records(touches, conversions, costs, ReadReport.sum([*reports, ReadReport(notes=notes)]))

    def tables(self, records: Records) -> tuple[OutputTable, ...]:
        """The three tables, money in currency units."""
        return (
            OutputTable("touches", records.touches),
            OutputTable("conversions", in_currency(records.conversions, "value")),
            *([OutputTable("costs", in_currency(records.costs, "cost"))] if records.costs is not None else []),
        )

    def read_costs(self, source: InputTable, problems: list[str]) -> tuple[pa.Table, ReadReport]:
        """A table of costs and what became of its rows."""
        part = self._costs(source, problems)
        return part.table, part.report

    def _touches(self, source: InputTable, problems: list[str]) -> _Part:
        found, rest = match_columns(source, TOUCHES, problems)
        if not {"user_id", "time"} <= found.keys():
            return _Part(empty_touches())
        sieve = CheckedColumns(source.name, source.load())
        found["user_id"] = people_column(sieve, found["user_id"], rest)
        if "channel" not in found and not any(columns_named(rest, ORIGIN[part]) for part in ("source", "medium")):
            rest = (*rest, *with_origins_of_urls(sieve, rest))
        times = sieve.column(found["time"])
        if found["time"].casefold() == "attributed touch time":
            sieve.leave_out(pc.is_null(times).to_numpy(), "events that no touch was attributed to")
        origin = {part: named[0] for part, names in ORIGIN.items() if (named := columns_named(rest, names))}
        if origin.keys() & {"source", "medium"} and ("channel" not in found or _is_platform(sieve, found["channel"])):
            if "channel" in found:
                sieve.notes.append(
                    f"{source.name}.{found['channel']}: says where an event was recorded (web, server …), not its channel"
                )
            channels, has_origin, _ = self._channels(sieve, origin, rest)
            if len(_several(sieve, rest)) and not has_origin.all():
                sieve.leave_out(~has_origin, "events without a source of their own")
                channels = channels.filter(pa.array(has_origin))
            sieve.notes.append(f"{source.name}: channels are made of {', '.join(origin.values())} (tables.channel)")
        elif "channel" not in found or _is_platform(sieve, found["channel"]):
            held = (
                f"; {found['channel']!r} says where an event was recorded (web, server …)" if "channel" in found else ""
            )
            problems.append(
                f"{source.name}: has no channel{held}; give one, or a source and medium such as context_campaign_source and "
                "context_campaign_medium, of which channel groups are made"
            )
            return _Part(empty_touches())
        else:
            channels = sieve.text(found["channel"])
        columns = {"user_id": sieve.users(found["user_id"]), "time": sieve.times(found["time"]), "channel": channels}
        sieve.notes += touch_notes(sieve, found.get("channel"), rest)
        # A column of another name whose words are those of clicks and views says the same.
        said = [name for name in columns_named(rest, ACTION) if _says_kind(sieve, name)]
        if said:
            found.setdefault("kind", said[0])
        if "kind" in found:
            columns["kind"] = _kinds(sieve, found["kind"])
        columns |= segment_columns(sieve, rest, tuple(columns))
        return _Part.of(sieve, pa.table(columns), found["time"])

    def _channels(self, sieve: CheckedColumns, origin: Mapping[str, str], rest: Sequence[str]) -> Origins:
        """The channel of every row from its source, medium, campaign and click IDs."""
        source, medium, campaign = origin_words(sieve, origin, rest)
        return channels_of(source, medium, campaign, click_ids(sieve, rest), self.channel)

    def _conversions(self, source: InputTable, problems: list[str]) -> _Part:
        found, rest = match_columns(source, CONVERSIONS, problems)
        if not {"user_id", "time"} <= found.keys():
            return _Part(empty_conversions())
        if {"value", "value_micros"} <= found.keys():
            problems.append(f"{source.name}: both {found['value']!r} and {found['value_micros']!r} are given; keep one")
        sieve = CheckedColumns(source.name, source.load())
        found["user_id"] = people_column(sieve, found["user_id"], rest)
        found = _without_unknown(sieve, found)
        if (paid := columns_named(rest, ("financial status",))) and columns_named(rest, ("name",)):
            found.setdefault(
                "order_id", columns_named(rest, ("name",))[0]
            )  # Shopify: an order's first row, then its articles
            sieve.leave_out(pc.is_null(sieve.text(paid[0], empty_is=None)).to_numpy(), "further articles of orders")
        if "action" in found:
            several = _several(sieve, (found["action"], *rest))
            found["action"] = several[0] if several else found["action"]
        if ("action" not in found or not _several(sieve, (found["action"],))) and (status := status_of(sieve, rest)):
            found["action"] = status
        if "action" not in found and (action := unnamed_action(sieve, rest)):
            found["action"] = action
        if "action" not in found:
            problems += leave_out_unconverted(sieve, rest)
        sieve.notes += conversion_notes(sieve, found, rest)
        copy_id(sieve, found, rest)
        other = [name for name in columns_named(rest, VALUE) if "value" in found]
        if other:
            sieve.notes.append(f"{source.name}: value is read from {found['value']}, not from {', '.join(other)}")
        columns = {"user_id": _buyers(sieve, found["user_id"]), "time": sieve.times(found["time"])}
        currencies: list[str] = []
        if "order_id" in found:
            columns["order_id"] = sieve.ids(found["order_id"])
        if "action" in found:
            columns["action"] = sieve.text(found["action"], empty_is=None)
        for name in ("value", "value_micros"):
            if name in found:
                amount = sieve.numbers(found[name], negative=True)
                _told_unknown(sieve, found[name])
                amount, currencies = in_one_currency(sieve, amount, found[name], found.get("currency"), problems)
                columns["value_micros"] = pa.array(micros(amount) if name == "value" else micros(amount / MICROS))
        columns |= segment_columns(sieve, rest, tuple(columns))
        part = _Part.of(sieve, pa.table(columns), found["time"], [("value", code) for code in currencies])
        if "action" in found and len(pc.unique(part.table["action"]).drop_null()) > 1:
            return part  # what an order is depends on the action
        column = found.get("value", found.get("value_micros", found.get("order_id", found["time"])))
        table = settled(sieve, part.table, rest, self.refunds, self.order_rows, column)
        kept = (
            part.without_hour if len(table) == len(part.table) else np.full(len(table), bool(part.without_hour.all()))
        )
        return _Part(table, sieve.report(currencies=part.report.currencies), kept)

    def _costs(self, source: InputTable, problems: list[str]) -> _Part:
        found, rest = match_columns(source, COSTS, problems)
        amounts = [name for name in ("cost", "cost_micros") if name in found]
        if len(amounts) != 1:
            rule = "both are given; keep one" if amounts else f"column 'cost' is missing among {source.columns}"
            problems.append(f"{source.name}: 'cost' or 'cost_micros': {rule}")
        if len(amounts) != 1 or "channel" not in found:
            return _Part(pa.table({"channel": pa.array([], pa.large_string())}))
        amount_column = found[amounts[0]]
        twice = [name for name in columns_named(rest, COST) if amounts == ["cost"]]
        problems += [
            f"{source.name}: both {amount_column!r} and {name!r} are amounts of cost; keep one" for name in twice
        ]
        sieve = CheckedColumns(source.name, source.load())
        names = [found[name] for name in ("channel", "time") if name in found]
        sieve.leave_out_totals(names, [amount_column])
        for name in (name for name in rest if _is_text(sieve, name)):
            sieve.leave_out_totals([name], [amount_column], only_named=True)
        columns = {"channel": sieve.text(found["channel"])}
        period: tuple[str, ...] = ()
        ends = [
            n
            for n in columns_named(rest, PERIOD_END)
            if "time" in found and columns_named([found["time"]], ("reporting starts", "start date"))
        ]
        if ends and pc.any(pc.not_equal(sieve.column(ends[0]), sieve.column(found["time"]))).as_py():
            period = (found.pop("time"),)
            sieve.notes.append(
                f"{source.name}: rows are of whole periods ({period[0]} to {ends[0]}), so no day's cost is known"
            )
        if "time" in found:
            columns["time"] = sieve.times(found["time"])
        amount = sieve.numbers(amount_column, empty=None)
        tell_repeats(sieve, amount)
        problems += levels_problems(sieve, found["channel"], found.get("time"), amount)
        amount, currencies = in_one_currency(sieve, amount, amount_column, found.get("currency"), problems)
        columns["cost_micros"] = pa.array(micros(amount if amounts == ["cost"] else amount / MICROS))
        if found["channel"] not in columns_named(source.columns, CHANNEL):
            sieve.notes.append(
                f"{source.name}: {found['channel']} is taken for the channel; --map FILE gives campaigns their channels"
            )
        columns |= segment_columns(sieve, (*period, *rest), tuple(columns))
        return _Part.of(sieve, pa.table(columns), "", [("cost", code) for code in currencies])


@dataclass(frozen=True, eq=False)
class _Part:
    """The well-formed rows of one table, what became of the others, and which rows are of a date without time of day."""

    table: pa.Table
    report: ReadReport = field(default_factory=ReadReport)
    without_hour: Bools = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    @staticmethod
    def of(sieve: CheckedColumns, table: pa.Table, time: str, currencies: Sequence[tuple[str, str]] = ()) -> _Part:
        kept = sieve.kept()
        without_hour = sieve.without_hour.get(time, np.zeros(len(sieve), dtype=np.bool_))[kept]
        return _Part(table.take(pa.array(kept)), sieve.report(currencies=currencies), without_hour)


@dataclass(frozen=True)
class Snowplow(EventTables):
    """The same three tables as `tables`, named as in Snowplow's attribution package.

    Touches `customer_id, start_tstamp, channel`; conversions `cv_id, customer_id, cv_tstamp, cv_type,
    revenue`; costs `spend_tstamp, channel, campaign, spend`.
    """

    name: ClassVar[str] = "snowplow"
    description: ClassVar[str] = "customer_id, start_tstamp, channel; cv_id, customer_id, cv_tstamp, revenue; spend"
    example: ClassVar[str] = "c1,2026-03-01 10:00:00,Email | cv1,c1,2026-03-02 09:30:00,49.90"

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


def _at_the_end_of_day(
    touches: pa.Table, conversions: pa.Table, dated: Bools, without_hour: Bools
) -> tuple[pa.Table, tuple[str, ...]]:
    """Conversions known by date only come at its end where touches have hours, so that the touches of that day count."""
    if dated.any() and not without_hour.all() and pa.types.is_timestamp(conversions["time"].type):
        told = (
            f"{np.count_nonzero(dated):,} touches have a date and no time of day: each counts at the start of its day"
        )
        return conversions, (f"{told}, so it comes before conversions of that day.",)
    if not without_hour.any() or dated.all() or not pa.types.is_timestamp(touches["time"].type):
        return conversions, ()
    kind = touches["time"].type
    micros_of = (
        conversions["time"]
        .cast(pa.timestamp("us", tz=getattr(conversions["time"].type, "tz", None)))
        .cast(pa.int64())
        .to_numpy()
    )
    moved = pa.array(micros_of + np.where(without_hour, DAY - 1, 0))
    zone = kind.tz if without_hour.all() else getattr(conversions["time"].type, "tz", None)
    place = conversions.column_names.index("time")
    table = conversions.set_column(place, "time", moved.cast(pa.timestamp("us", tz=zone)))
    told = f"{np.count_nonzero(without_hour):,} conversions have a date and no time of day: each counts at the end of its day"
    return table, (f"{told}{' (UTC)' if kind.tz else ''}, so touches of that day come before it.",)


def _of_one_kind(source: InputTable) -> list[str]:
    """What is wrong where one table should hold touches and conversions, and all of its rows are of one kind."""
    paid = columns_named(source.columns, (*ORDER, *VALUE, "value_micros", "attributed touch time", "click_time"))
    actions = columns_named(source.columns, ACTION)
    if paid or not actions:
        return []
    words = pc.unique(CheckedColumns(source.name, source.load(actions[:1])).ids(actions[0])).drop_null()
    if len(words) != 1:
        return []
    return [
        f"{source.name}.{actions[0]}: is {words[0].as_py()!r} in every row, which cannot be both touches and conversions; "
        "give the other beside it"
    ]


def _several(sieve: CheckedColumns, names: Sequence[str]) -> list[str]:
    """The columns of actions that hold more than one."""
    return [name for name in columns_named(names, ACTION) if len(pc.unique(sieve.ids(name)).drop_null()) > 1]


def _is_platform(sieve: CheckedColumns, name: str) -> bool:
    words = {plain_name(word.casefold()) for word in pc.unique(sieve.text(name, empty_is=None)).drop_null().to_pylist()}
    return bool(words) and words <= PLATFORMS


def _kinds(sieve: CheckedColumns, name: str) -> pa.Array:
    words = pc.utf8_lower(sieve.text(name, empty_is=None)).fill_null("").to_pandas()
    words = words.replace(VIEWS)
    wrong = ~words.isin(("click", "view", "")).to_numpy()
    sieve.mark(name, wrong, "is not one of click, view")
    return pa.array(words.where(~wrong, "click"), pa.string())


def people_column(sieve: CheckedColumns, first: str, rest: Sequence[str]) -> str:
    """The column of people; where some rows lack the id, a new one of all ids, joined where one row holds both.

    So a visit before the log-in belongs to the person who logs in later. An id seen with two people joins neither.
    """
    others = columns_named(rest, USER)
    if not others or pa.types.is_integer(sieve.column(first).type):
        return first
    ids = sieve.ids(first)
    for name in others:
        if not ids.null_count:
            break
        other = sieve.ids(name)
        if other.null_count == len(other):
            continue
        pairs = pa.table({"id": ids, "other": other}).filter(pc.and_(pc.is_valid(ids), pc.is_valid(other)))
        homes = pairs.group_by("other", use_threads=False).aggregate([("id", "count_distinct"), ("id", "min")])
        homes = homes.filter(pc.equal(homes["id_count_distinct"], 1))
        place = pc.index_in(other, value_set=homes["other"].combine_chunks())
        ids = pc.coalesce(ids, homes["id_min"].combine_chunks().take(place.combine_chunks()), other)
        sieve.notes.append(f"{sieve.place}: people are known by {first} and, where it is empty, by {name}")
    if ids.null_count == sieve.ids(first).null_count:
        return first
    sieve.loaded = replace(sieve.loaded, table=sieve.loaded.table.append_column("\0person", ids.cast(pa.string())))
    return "\0person"


def _buyers(sieve: CheckedColumns, name: str) -> pa.ChunkedArray:
    """The people of conversions; one without a person is nobody's, and keeps its conversion."""
    column = sieve.column(name)
    if pa.types.is_integer(column.type):
        return sieve.users(name)
    people = sieve.people(name)
    nobody = pc.is_null(people).to_numpy()
    if nobody.any():
        sieve.notes.append(f"{sieve.place}: {np.count_nonzero(nobody):,} conversions have no person and so no touch")
    return without_person(people)


def without_person(people: pa.ChunkedArray) -> pa.ChunkedArray:
    """Ids of people in which everyone unknown is somebody of their own."""
    nobody = pc.is_null(people).to_numpy()
    if not nobody.any():
        return people
    own = pa.array([f"\0nobody {row}" for row in range(len(people))], pa.large_string())
    return pc.coalesce(people, own)


def _without_unknown(sieve: CheckedColumns, found: Mapping[str, str]) -> dict[str, str]:
    """The columns without those of values that hold none."""
    nothing = [name for name in ("value", "value_micros") if name in found and sieve.says_nothing(found[name])]
    return {name: column for name, column in found.items() if name not in nothing}


def _told_unknown(sieve: CheckedColumns, name: str) -> None:
    empty = pc.is_null(sieve.text(name, empty_is=None)).to_numpy()
    if empty.any():
        sieve.notes.append(
            f"{sieve.place}.{name}: is empty for {np.count_nonzero(empty):,} of {len(sieve):,} rows, which add no value"
        )


def _says_kind(sieve: CheckedColumns, name: str) -> bool:
    words = {word.casefold() for word in words_of(sieve, name)}
    return bool(words) and words <= {*VIEWS, *VIEWS.values()}


def _is_text(sieve: CheckedColumns, name: str) -> bool:
    kind = sieve.column(name).type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def joined(parts: Sequence[pa.Table]) -> pa.Table:
    """The rows of all parts; a column that one of them lacks is empty there."""
    return pa.concat_tables(parts, promote_options="permissive").unify_dictionaries()
