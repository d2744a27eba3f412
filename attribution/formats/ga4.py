"""Format `ga4`: the GA4 export to BigQuery (`events_*`), as Parquet or JSON lines; times in UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.addresses import TEXT, all_null, linked_from
from attribution.formats.event_tables import joined, without_person
from attribution.formats.ga4_cells import flat_events
from attribution.formats.orders import shared_orders
from attribution.formats.origins import channel_named, channels_of
from attribution.formats.records import Records, micros
from attribution.formats.writing import Limits, OutputTable
from cpalab.ga4_channels import origin_of
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError, did_you_mean
from cpalab.tables.checked_columns import CheckedColumns, Column, match_columns
from cpalab.tables.exchange import in_one_currency
from cpalab.tables.input_table import InputTable, Loaded
from cpalab.tables.report import ReadReport

if TYPE_CHECKING:
    import pandas as pd

ChannelName = Literal["channel_group", "source_medium", "campaign"]

COLUMNS = {
    name: Column((name,), required=name in ("event_timestamp", "event_name", "user_pseudo_id"))
    for name in (
        "event_timestamp",
        "event_name",
        "user_pseudo_id",
        "event_params",
        "collected_traffic_source",
        "device",
        "geo",
        "ecommerce",
        "event_value_in_usd",
        "session_traffic_source_last_click",
        "user_id",
    )
}
CLOCK = pa.timestamp("us", tz="UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ORIGIN = ("source", "medium", "campaign", "click_id")
EXPORT = pa.schema(
    [
        ("event_date", pa.string()),
        ("event_timestamp", pa.string()),
        ("event_name", pa.string()),
        (
            "event_params",
            pa.list_(pa.struct([("key", pa.string()), ("value", pa.struct([("int_value", pa.string())]))])),
        ),
        ("user_pseudo_id", pa.string()),
        ("device", pa.struct([("category", pa.string())])),
        ("geo", pa.struct([("country", pa.string())])),
        (
            "collected_traffic_source",
            pa.struct([(f"manual_{name}", pa.string()) for name in ("source", "medium", "campaign_name")]),
        ),
        (
            "ecommerce",
            pa.struct([("transaction_id", pa.string()), ("purchase_revenue", pa.float64())]),
        ),
    ]
)


@dataclass(frozen=True)
class GA4:
    """A session is a touch, at its first event; an event of `conversion_events` is a conversion.

    A session is `user_pseudo_id` and the parameter `ga_session_id`; each further order in it has it for a touch again. Its
    source, medium and campaign are the first that any of its events collected (`collected_traffic_source`, then the
    event's own parameters, then `utm_source` … in `page_location`); a click ID of an ad (`gclid` …: collected, a parameter,
    or in `page_location`) beats an absent or organic source (`origin_of`); without any, the site that `page_referrer` of the
    session's first page names is the source, and else the session is direct. The export's
    `session_traffic_source_last_click` is not used, since it has replaced direct sessions by earlier ones already, nor is
    `traffic_source`, the user's first. An order is known by its `transaction_id`. Refunds are counted and not taken off. An
    event without a person (consent mode) is no touch, and its conversion nobody's; both are counted.

    Attributes:
        conversion_events: names of the events that are conversions; each name is an action.
        channel: what a channel is: the default channel group, "source / medium", or the campaign.
    """

    conversion_events: tuple[str, ...] = ("purchase",)
    channel: ChannelName = "channel_group"

    name: ClassVar[str] = "ga4"
    description: ClassVar[str] = "GA4 BigQuery export (events_*) as Parquet or JSON lines"
    example: ClassVar[str] = (
        '{"event_timestamp": "1767225600000000", "event_name": "purchase", "user_pseudo_id": "u1", …}'
    )
    limits: ClassVar[Limits] = Limits(views=False, clock="dates")
    layout: ClassVar[Mapping[str, Mapping[str, Column]]] = {"": COLUMNS}

    def __post_init__(self) -> None:
        """Refuse words that mean nothing."""
        if self.channel not in get_args(ChannelName):
            hint = did_you_mean(self.channel, get_args(ChannelName))
            raise InvalidInputError([f"ga4.channel: {self.channel!r} is unknown; {hint}"])

    def recognises(self, source: InputTable) -> bool:
        """Whether the columns are those of the export."""
        return {"event_timestamp", "event_name", "user_pseudo_id"} <= set(source.columns)

    def read(self, sources: Sequence[InputTable]) -> Records:
        """Read the events of all days, so that a session over midnight is one."""
        problems: list[str] = []
        events, reports = [], []
        for source in sources:
            found, _ = match_columns(source, COLUMNS, problems)
            if problems:
                continue
            # A table with a column per parameter is flat already.
            wanted = tuple(found.values()) if "event_params" in found else source.columns
            loaded = source.load(wanted, nested=True)
            sieve = CheckedColumns(source.name, flat_events(loaded))
            sieve.notes += _of_log_in(source, loaded)
            events.append(_checked(sieve, self.conversion_events, problems))
            reports.append(sieve.report())
        if problems:
            raise InvalidInputError(problems)
        every, notes = _once(joined(events), self.conversion_events)
        known = pc.is_valid(every["user_id"]).to_numpy()
        inside = pc.is_valid(every["session"]).to_numpy()
        if len(every) and not inside.any():
            raise InvalidInputError(
                [f"{sources[0].name}: no event has a ga_session_id, so none is in a session; export it with the events"]
            )
        touches = self._touches(every.filter(pa.array(known & inside)))
        named = pc.unique(every["action"]).to_pylist()
        chosen = [name for name in self.conversion_events if name in named]
        if not chosen:
            notes.append(
                f"No event is {' or '.join(self.conversion_events)}; --action counts one of {', '.join(sorted(named)[:20])}."
            )
        bought = every.filter(pc.is_in(every["action"], value_set=pa.array(self.conversion_events, TEXT)))
        notes += shared_orders(bought)
        bought = _with_value(bought, notes)
        conversions = self._conversions(bought)
        refunds = pc.sum(pc.equal(every["action"], "refund")).as_py() or 0
        if refunds and "refund" not in self.conversion_events:
            notes.append(
                f"{refunds:,} refund events are not taken off; conversions and value are those before refunds."
            )
        nobody = int(np.count_nonzero(~known))
        if nobody:
            lost = bought["user_id"].null_count
            notes.append(
                f"{nobody:,} events have no person (no consent); {lost:,} of them are conversions, which no touch can have."
            )
        outside = (
            ("events without a session", int(np.count_nonzero(known & ~inside))),
            ("events without a person", nobody),
        )
        notes += _unread_sources(every, {name for source in sources for name in source.columns})
        report = ReadReport.sum([*reports, ReadReport(left_out=outside, notes=tuple(notes))])
        return Records(touches, conversions, None, report)

    def _conversions(self, bought: pa.Table) -> pa.Table:
        """The conversions among events; those without a person are nobody's."""
        people = (
            pa.chunked_array([without_person(bought["user_id"]).combine_chunks()]) if len(bought) else bought["user_id"]
        )
        table = bought.set_column(bought.column_names.index("user_id"), "user_id", people)
        names = ("user_id", "time", "order_id", "value_micros", "action", "device", "country")
        return table.select([name for name in names if name in table.column_names])

    def _touches(self, inside: pa.Table) -> pa.Table:
        """One touch per session, with its first origin."""
        linked = pc.and_(_names_nothing(inside), pc.is_valid(inside["referrer"]))
        source, medium = (
            pc.if_else(linked, linked_from(inside["referrer"], part), inside[part]) for part in ("source", "medium")
        )
        channel, has_origin, parts = channels_of(source, medium, inside["campaign"], inside["click_id"], self.channel)
        frame = inside.select(["user_id", "session", "time", "device", "country", "page"]).to_pandas()
        frame = frame.assign(channel=channel.to_pandas(), named=has_origin, linked=linked.to_numpy(), **parts)
        frame = frame.sort_values("time", kind="stable")
        landing = frame.groupby(["user_id", "session"], sort=False)["page"].transform("first")
        within = frame["linked"] & (frame["page"] != landing) & landing.notna()
        touches = frame.drop_duplicates(["user_id", "session"]).drop(
            columns=["channel", "named", "linked", "page", *parts]
        )
        named = frame[frame["named"] & ~within].sort_values("linked", kind="stable")  # a referrer is the weakest word
        named = named.drop_duplicates(["user_id", "session"])
        touches = touches.merge(named[["user_id", "session", "channel", *parts]], on=["user_id", "session"], how="left")
        touches["channel"] = touches["channel"].fillna(channel_named("", "", "", self.channel))
        touches = self._with_later_orders(touches, inside)
        table = pa.Table.from_pandas(touches.drop(columns="session"), preserve_index=False)
        return table.set_column(table.column_names.index("time"), "time", table["time"].cast(CLOCK))

    def _with_later_orders(self, touches: pd.DataFrame, inside: pa.Table) -> pd.DataFrame:
        """The touches, and one more for every further order of a session: its source brought that one too."""
        import pandas as pd

        bought = inside.filter(pc.is_in(inside["action"], value_set=pa.array(self.conversion_events, TEXT)))
        orders = (
            bought.select(["user_id", "session", "time", "order_id", "action"])
            .to_pandas()
            .sort_values("time", kind="stable")
        )
        keys = ["user_id", "session", "action"]
        orders = orders[orders["order_id"].isna() | ~orders.duplicated([*keys, "order_id"])]
        later = orders[orders.duplicated(keys)][["user_id", "session", "time"]]
        if later.empty:
            return touches
        more = later.merge(touches.drop(columns="time"), on=["user_id", "session"])
        every: pd.DataFrame = pd.concat([touches, more], ignore_index=True)
        return every.sort_values("time", kind="stable", ignore_index=True)

    def _channel(self, source: str | None, medium: str | None, campaign: str | None) -> str:
        return channel_named(*origin_of(source, medium, campaign), self.channel)

    def tables(self, records: Records) -> tuple[OutputTable, ...]:
        """One `session_start` per touch and one conversion event per conversion, as JSON lines.

        Raises:
            InvalidInputError: if times are no datetimes, touches are views, or a channel cannot be told from
                what the export holds.
        """
        touches, conversions = records.touches, records.conversions
        problems = []
        if not all(pa.types.is_timestamp(table["time"].type) for table in (touches, conversions)):
            problems.append("ga4: times must be datetimes; days from the start cannot be written")
        if "kind" in touches.column_names and pc.any(pc.equal(touches["kind"].cast(TEXT), "view")).as_py():
            problems.append("ga4: views cannot be written; keep touches of kind 'click'")
        channels = pc.unique(touches["channel"].cast(TEXT)).to_pylist()
        origin = {name: self._origin(name) for name in channels}
        problems += [
            f"ga4: {name!r} is no {self.channel.replace('_', ' ')} that reads back; write `tables`"
            + ("" if self.channel == "campaign" else ", or ga4(channel='campaign')")
            for name, (source, medium, campaign) in origin.items()
            if self._channel(source, medium, campaign) != name
        ]
        if problems:
            raise InvalidInputError(problems)
        rows = [
            _event("session_start", touch, origin[touch["channel"]], session)
            for session, touch in enumerate(touches.to_pylist(), 1)
        ]
        rows += [
            _event(bought.get("action") or self.conversion_events[0], bought, None, None)
            for bought in conversions.to_pylist()
        ]
        rows.sort(key=lambda row: int(row["event_timestamp"]))
        return (OutputTable("events", pa.Table.from_pylist(rows, EXPORT), "json_lines"),)

    def _origin(self, channel: str) -> tuple[str | None, str | None, str | None]:
        """The source, medium and campaign that make this channel."""
        if channel.casefold() == "direct":
            return None, None, None
        if self.channel == "campaign":
            return None, None, channel
        source, _, medium = channel.partition(" / ")
        return source, medium or "(not set)", None


def _of_log_in(source: InputTable, loaded: Loaded) -> list[str]:
    """What to say of a `user_id`, by which several browsers would be one person."""
    if "user_id" not in loaded.table.column_names:
        return []
    held = len(loaded.table) - loaded.table["user_id"].null_count
    told = f"{source.name}: {held:,} events have a user_id, which is not read: a person is a browser (user_pseudo_id)"
    return [told] if held else []


def _checked(sieve: CheckedColumns, conversion_events: tuple[str, ...], problems: list[str]) -> pa.Table:
    """The well-formed events, with what touches and conversions need."""
    action = sieve.text("event_name", empty_is="is empty; every event has a name")
    bought = pc.is_in(action, value_set=pa.array(conversion_events, TEXT)).to_numpy()
    time = sieve.numbers("event_timestamp", empty=None)
    value = sieve.numbers("value", negative=True)
    sieve.mark("value", bought & (value < 0), "is negative; it must be zero or more")
    worth = pc.is_valid(sieve.text("value", empty_is=None)).to_numpy()
    currency = sieve.text("currency", empty_is=None)
    paid = pa.array(bought & (value > 0))
    table = sieve.loaded.table
    place = table.column_names.index("currency")
    table = table.set_column(place, "currency", pc.if_else(paid, currency, pa.scalar(None, TEXT)))
    sieve.loaded = replace(sieve.loaded, table=table)
    value, _ = in_one_currency(sieve, np.where(bought, value, 0.0), "value", "currency", problems)
    events = {
        "user_id": sieve.ids("user_pseudo_id"),
        "time": pa.array(time.astype(np.int64)).cast(CLOCK),
        "action": action,
        "value_micros": pa.array(np.where(bought, micros(value), 0), mask=~worth),
    }
    events |= {name: sieve.ids(name) for name in ("session", "order_id")}
    events |= {name: sieve.text(name, empty_is=None) for name in ("device", "country", *ORIGIN, "page", "referrer")}
    return pa.table(events).take(pa.array(sieve.kept()))


def _names_nothing(events: pa.Table) -> pa.ChunkedArray:
    """Whether nothing but a referrer could name each event's origin [n_events]."""
    return all_null(*(events[name] for name in ORIGIN))


def _once(events: pa.Table, conversion_events: tuple[str, ...]) -> tuple[pa.Table, list[str]]:
    """The events without second copies of conversions: same person (or order), time, transaction and value."""
    keys = ["user_id", "time", "action", "order_id", "value_micros"]
    bought = pc.is_in(events["action"], value_set=pa.array(conversion_events, TEXT)).to_numpy()
    known = pc.or_(pc.is_valid(events["user_id"]), pc.is_valid(events["order_id"])).to_numpy()
    rows = np.flatnonzero(bought & known)
    again = rows[events.select(keys).take(pa.array(rows)).to_pandas().duplicated().to_numpy()]
    if not len(again):
        return events, []
    keep = np.ones(len(events), dtype=np.bool_)
    keep[again] = False
    told = f"{len(again):,} conversion events are told twice (one person, time and transaction); each counts once."
    return events.filter(pa.array(keep)), [told]


def _with_value(bought: pa.Table, notes: list[str]) -> pa.Table:
    """The conversions with their values; without that column where none has any."""
    value = bought["value_micros"]
    if not value.null_count:
        return bought
    if value.null_count == len(bought):
        return bought.drop_columns("value_micros")
    notes.append(f"value is empty for {value.null_count:,} of {len(bought):,} conversions, which add no value.")
    return bought.set_column(bought.column_names.index("value_micros"), "value_micros", value.fill_null(0))


def _unread_sources(events: pa.Table, columns: set[str]) -> list[str]:
    """What to say where no event names a source, though columns that are not read do."""
    if not pc.all(_names_nothing(events), min_count=0).as_py():
        return []
    why = {
        "session_traffic_source_last_click": "is not read, because it has replaced direct sessions by earlier ones",
        "traffic_source": "is the user's first touch and is not read",
    }
    unread = "; ".join(f"{name} {reason}" for name, reason in why.items() if name in columns)
    linked = int(pc.sum(pc.is_valid(events["referrer"])).as_py() or 0)
    rest = "sessions are known by page_referrer or direct" if linked else "every session is direct"
    return [f"No event names a source, so {rest}; {unread}: export collected_traffic_source."] if unread else []


def _event(
    name: str, row: Any, origin: tuple[str | None, str | None, str | None] | None, session: int | None
) -> dict[str, Any]:
    """One event of the export."""
    time = row["time"] if row["time"].tzinfo else row["time"].replace(tzinfo=UTC)
    microseconds = (time - EPOCH) // timedelta(microseconds=1)
    event: dict[str, Any] = {
        "event_date": time.astimezone(UTC).strftime("%Y%m%d"),
        "event_timestamp": str(microseconds),
        "event_name": name,
        "user_pseudo_id": str(row["user_id"]),
        "event_params": [],
        "device": {"category": row.get("device")},
        "geo": {"country": row.get("country")},
    }
    if session is not None:
        event["event_params"] = [{"key": "ga_session_id", "value": {"int_value": str(session)}}]
    if origin is not None:
        keys = ("manual_source", "manual_medium", "manual_campaign_name")
        event["collected_traffic_source"] = dict(zip(keys, origin, strict=True))
    else:
        worth = row.get("value_micros")
        revenue = None if worth is None else worth / MICROS
        order = row.get("order_id")
        event["ecommerce"] = {"transaction_id": None if order is None else str(order), "purchase_revenue": revenue}
    return event
