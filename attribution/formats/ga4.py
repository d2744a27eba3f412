"""Format `ga4`: the GA4 export to BigQuery (`events_*`), as Parquet or JSON lines; times in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.event_tables import joined
from attribution.formats.ga4_cells import flat_events
from attribution.formats.records import Records, micros
from attribution.formats.writing import OutputTable
from cpalab.ga4_channels import default_channel_group
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError, did_you_mean
from cpalab.tables.checked_columns import CheckedColumns, Column, match_columns
from cpalab.tables.input_table import InputTable
from cpalab.tables.report import ReadReport

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
    )
}
CLOCK = pa.timestamp("us", tz="UTC")
TEXT = pa.large_string()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ORIGIN = ("source", "medium", "campaign")
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

    A session is `user_pseudo_id` and the parameter `ga_session_id`. Its source, medium and campaign are the
    first that any of its events collected (`collected_traffic_source`, then the event's own parameters; a
    `gclid` alone is google / cpc); without any it is direct. The export's `session_traffic_source_last_click`
    is not used, since it has replaced direct sessions by earlier ones already. An order is known by its
    `transaction_id`.

    Attributes:
        conversion_events: names of the events that are conversions; each name is an action.
        channel: what a channel is: the default channel group, "source / medium", or the campaign.
    """

    conversion_events: tuple[str, ...] = ("purchase",)
    channel: ChannelName = "channel_group"

    name: ClassVar[str] = "ga4"
    description: ClassVar[str] = "GA4 BigQuery export (events_*) as Parquet or JSON lines"

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
            sieve = CheckedColumns(source.name, flat_events(source.load(tuple(found.values()))))
            events.append(_checked(sieve, self.conversion_events))
            reports.append(sieve.report())
        if problems:
            raise InvalidInputError(problems)
        every = joined(events)
        touches, outside = self._touches(every)
        bought = pc.is_in(every["action"], value_set=pa.array(self.conversion_events, TEXT))
        conversions = every.filter(bought).select(
            ["user_id", "time", "order_id", "value_micros", "action", "device", "country"]
        )
        report = ReadReport.sum([*reports, ReadReport(left_out=(("events without a session", outside),))])
        return Records(touches, conversions, None, report)

    def _touches(self, events: pa.Table) -> tuple[pa.Table, int]:
        """One touch per session, and how many events belong to none."""
        inside = events.filter(pc.is_valid(events["session"]))
        chosen = ["user_id", "session", "time", "device", "country", *ORIGIN]
        frame = inside.select(chosen).to_pandas().sort_values("time", kind="stable")
        sessions = frame.drop_duplicates(["user_id", "session"]).drop(columns=list(ORIGIN))
        named = frame.dropna(subset=list(ORIGIN), how="all").drop_duplicates(["user_id", "session"])
        touches = sessions.merge(named[["user_id", "session", *ORIGIN]], on=["user_id", "session"], how="left")
        origins = touches[list(ORIGIN)].astype(object).where(touches[list(ORIGIN)].notna(), None)
        touches["channel"] = [self._channel(*row) for row in origins.itertuples(index=False)]
        table = pa.Table.from_pandas(touches.drop(columns="session"), preserve_index=False)
        table = table.set_column(table.column_names.index("time"), "time", table["time"].cast(CLOCK))
        return table, len(events) - len(inside)

    def _channel(self, source: str | None, medium: str | None, campaign: str | None) -> str:
        if not (source or medium or campaign):
            return "Direct" if self.channel == "channel_group" else "direct"
        if self.channel == "channel_group":
            return default_channel_group(source or "", medium or "", campaign or "")
        if self.channel == "campaign":
            return campaign or "(not set)"
        return f"{source or '(not set)'} / {medium or '(not set)'}"

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


def _checked(sieve: CheckedColumns, conversion_events: tuple[str, ...]) -> pa.Table:
    """The well-formed events, with what touches and conversions need."""
    action = sieve.text("event_name", empty_is="is empty; every event has a name")
    bought = pc.is_in(action, value_set=pa.array(conversion_events, TEXT)).to_numpy()
    time = sieve.numbers("event_timestamp", empty=None)
    value = sieve.numbers("value", negative=True)
    sieve.mark("value", bought & (value < 0), "is negative; it must be zero or more")
    events = {
        "user_id": sieve.text("user_pseudo_id", empty_is="is empty; without consent GA4 sends no person"),
        "time": pa.array(time.astype(np.int64)).cast(CLOCK),
        "action": action,
        "value_micros": pa.array(np.where(bought, micros(value), 0)),
    }
    plain = ("session", "order_id", "device", "country", *ORIGIN)
    events |= {name: sieve.text(name, empty_is=None) for name in plain}
    return pa.table(events).take(pa.array(sieve.kept()))


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
        revenue = (row.get("value_micros") or 0) / MICROS
        event["ecommerce"] = {"transaction_id": row.get("order_id"), "purchase_revenue": revenue}
    return event
