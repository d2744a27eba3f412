"""Format `simulated_log`: the event log of a simulated market; times in days, money in micros."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.formats.event_tables import joined
from attribution.formats.records import Records
from attribution.formats.writing import Limits, OutputTable
from attribution.paths.ragged import Bools
from cpalab.refusal import InvalidInputError
from cpalab.tables.checked_columns import CheckedColumns, Column, match_columns
from cpalab.tables.input_table import InputTable
from cpalab.tables.report import ReadReport
from cpalab.whole_output import MANIFEST

SEGMENTS = ("campaign", "creative", "device", "geo")
COLUMNS = {
    name: Column((name,), required=name not in SEGMENTS)
    for name in ("user_id", "time", "kind", "channel", "order_id", "cost_micros", "value_micros", *SEGMENTS)
}
STAGES = {"qualified": "qualified", "closed": "closed", "refunded": "refund"}
LEFT_OUT = {
    "ghost": "ads that an experiment withheld",
    "psa": "placebo ads of an experiment (counted as cost)",
    "predicted": "entries into an experiment",
    "fee": "fees (counted as cost)",
    "qualified": "qualifications (a truth about their conversion)",
    "closed": "closed deals (a truth about their conversion)",
    "refund": "refunds (a truth about their conversion)",
}
WINDOW_END = "reported_until_day"
EVENTS_KEPT = "events_kept"  # in the manifest, where not all were
NO_WINDOW = (
    "No manifest.json of cpalab lies beside the log, so where its reported window ends is not known: orders of a follow-up, "
    "when ads are off, count too."
)
KNOWN_KINDS = ("impression", "click", "visit", "conversion", "fake_lead", *LEFT_OUT)


@dataclass(frozen=True)
class SimulatedLog:
    """Impressions are views, clicks and organic visits are clicks.

    A visit that has a campaign was caused by a paid click, and the click is the touch. A conversion knows
    whether it was `qualified`, `closed` and `refunded` later; a funnel step `micro:lead` is a conversion of
    the action `lead`. Every row's cost counts, fees included.

    Counted is the reported window, from day 0 to the end that the manifest beside the log names. The warm-up before it
    (negative times) is the known past: its touches may be credited, its conversions use up touches, its costs are left out.
    The follow-up behind it is left out, but for what became of the window's orders.
    """

    name: ClassVar[str] = "simulated_log"
    description: ClassVar[str] = "the event log of `cpalab run`: a folder with events/*.parquet"
    layout: ClassVar[Mapping[str, Mapping[str, Column]]] = {"": COLUMNS}
    limits: ClassVar[Limits] = Limits(past=True, cost="tables", clock="days")

    def recognises(self, source: InputTable) -> bool:
        """Whether the columns are those of the log."""
        return {name for name, column in COLUMNS.items() if column.required} <= set(source.columns)

    def read(self, sources: Sequence[InputTable]) -> Records:
        """Read the whole log."""
        problems: list[str] = []
        found = [match_columns(source, COLUMNS, problems)[0] for source in sources]
        if problems:
            raise InvalidInputError(problems)
        told = [told_of(source) for source in sources]
        parts = []
        for source, names, (until, notes) in zip(sources, found, told, strict=True):
            sieve = CheckedColumns(source.name, source.load(tuple(names.values())))
            sieve.notes += notes
            parts.append(self.read_rows(sieve, until))
        costs = [part.costs for part in parts if part.costs is not None]
        return Records(
            joined([part.touches for part in parts]),
            joined([part.conversions for part in parts]),
            joined(costs),
            ReadReport.sum([part.report for part in parts]),
            counted_from=parts[0].counted_from,
        )

    def read_rows(self, sieve: CheckedColumns, until: float | None = None) -> Records:
        """Read some rows of the log, all those of the people in them; the reported window ends `until` this day."""
        table = sieve.loaded.table.unify_dictionaries()
        kind, kinds = _encoded(table, "kind")
        here = {name: kind == code for code, name in enumerate(kinds)}
        none = np.zeros(len(table), dtype=np.bool_)
        micro = {name.removeprefix("micro:"): rows for name, rows in here.items() if name.startswith("micro:")}
        known = [name for name in kinds if name in KNOWN_KINDS or name.startswith("micro:")]
        unknown = ~np.isin(kind, [kinds.index(name) for name in known])
        sieve.mark("kind", unknown, f"is not a kind of event; known: {', '.join(KNOWN_KINDS)}, micro:STEP")
        for name in ("user_id", "time"):
            column = table[name]
            sieve.mark(name, column.is_null(nan_is_null=True).to_numpy(), "is empty; every event has one")
        cost = table["cost_micros"].fill_null(0).to_numpy()
        sieve.mark("cost_micros", cost < 0, "is negative; it must be zero or more")
        has_campaign = table["campaign"].is_valid().to_numpy() if "campaign" in table.column_names else none
        visit = here.get("visit", none)
        view, click = here.get("impression", none), here.get("click", none) | (visit & ~has_campaign)
        no_channel = table["channel"].is_null().to_numpy()
        sieve.mark("channel", (view | click | (cost > 0)) & no_channel, "is empty; a touch or cost needs one")
        in_days = pa.types.is_floating(table["time"].type) or pa.types.is_integer(table["time"].type)
        time = table["time"].to_numpy() if in_days else np.zeros(len(table))
        late = time >= (math.inf if until is None else until)
        counted = ~sieve.bad & ~late
        happened = view | click | here.get("conversion", none)
        sieve.left_out += [
            ("visits that a paid click caused", int(np.count_nonzero(visit & has_campaign))),
            *((what, int(np.count_nonzero(here.get(name, none)))) for name, what in LEFT_OUT.items()),
            ("touches and conversions of the follow-up", int(np.count_nonzero(happened & late & ~sieve.bad))),
            ("costs of the warm-up", int(np.count_nonzero((cost > 0) & (time < 0) & ~sieve.bad))),
        ]
        actions = {"conversion": here.get("conversion", none), "fake_lead": here.get("fake_lead", none), **micro}
        segments = [name for name in SEGMENTS if name in table.column_names]
        costs = table.select(["channel", "time", "cost_micros", *segments])
        return Records(
            self._touches(table, (view | click) & counted, view, segments),
            self._conversions(table, actions, here, segments, counted),
            costs.filter(pa.array((cost > 0) & (time >= 0) & counted)),
            sieve.report(() if until is not None else (NO_WINDOW,)),
            counted_from=0.0 if in_days else None,
        )

    def _touches(self, table: pa.Table, chosen: Bools, view: Bools, segments: Sequence[str]) -> pa.Table:
        rows = np.flatnonzero(chosen)
        kind = pa.DictionaryArray.from_arrays(pa.array(view[rows].astype(np.int8)), ["click", "view"])
        touches = table.select(["user_id", "time", "channel", *segments]).take(pa.array(rows))
        return touches.add_column(3, "kind", kind)

    def _conversions(
        self,
        table: pa.Table,
        actions: Mapping[str, Bools],
        here: Mapping[str, Bools],
        segments: Sequence[str],
        counted: Bools,
    ) -> pa.Table:
        action = np.full(len(table), -1, dtype=np.int16)
        for code, done in enumerate(actions.values()):
            action[done & counted] = code
        chosen = np.flatnonzero(action >= 0)
        names = ["user_id", "time", "channel", "order_id", "value_micros", *segments]
        conversions = table.select(names).take(pa.array(chosen)).rename_columns({"channel": "arrival_channel"})
        words = pa.DictionaryArray.from_arrays(pa.array(action[chosen]), list(actions))
        conversions = conversions.append_column("action", words)
        order = conversions["order_id"].fill_null(-1).to_numpy()
        for truth, kind in STAGES.items():
            rows = np.flatnonzero(here[kind]) if kind in here else np.empty(0, np.int64)
            reached = table["order_id"].take(pa.array(rows)).fill_null(-2).to_numpy()
            conversions = conversions.append_column(truth, pa.array(np.isin(order, reached)))
        return conversions

    def tables(self, records: Records) -> tuple[OutputTable, ...]:
        """One log, sorted by person and time: clicks, impressions, conversions, what became of them, and costs as fees.

        Raises:
            InvalidInputError: if people are no numbers or times no days.
        """
        touches, conversions, costs = records.touches, records.conversions, records.costs
        numbers = all(pa.types.is_integer(table["user_id"].type) for table in (touches, conversions))
        days = all(pa.types.is_floating(table["time"].type) for table in (touches, conversions))
        if not (numbers and days):
            raise InvalidInputError(
                ["simulated_log: user_id must be a whole number and time a number of days; write `tables`"]
            )
        times = np.concatenate([table["time"].to_numpy() for table in (touches, conversions)])
        if records.counted_from is None and (times < 0).any():
            raise InvalidInputError(["simulated_log: times before day 0 are its warm-up, not counted; write `tables`"])
        if "arrival_channel" in conversions.column_names:
            place = conversions.column_names.index("arrival_channel")
            conversions = conversions.set_column(place, "channel", conversions["arrival_channel"])
        known = "order_id" in conversions.column_names and pa.types.is_integer(conversions["order_id"].type)
        if not known:
            own = pa.array(np.arange(len(conversions)))
            conversions = _without(conversions, "order_id").append_column("order_id", own)
        parts = [
            (touches, np.where(is_view(touches), "impression", "click")),
            (conversions, _kinds_of(conversions)),
            *((_without(conversions.filter(rows), "value_micros"), kind) for kind, rows in _became(conversions)),
        ]
        if costs is not None:
            day = costs["time"] if "time" in costs.column_names else pa.array(np.zeros(len(costs)))
            nobody = _without(costs, "time").append_column("time", day)
            parts.append((nobody.append_column("user_id", pa.array(np.zeros(len(costs), np.int64))), "fee"))
        names = [np.broadcast_to(np.asarray(kind, dtype=object), len(table)) for table, kind in parts]
        every = [table for table, _ in parts]
        person = _stacked(every, "user_id", pa.int64())
        small = (pc.max(person).as_py() or 0) < 2**32 and (pc.min(person).as_py() or 0) >= 0
        log: dict[str, Any] = {
            "user_id": person.cast(pa.uint32()) if small else person,
            "session": pa.array(np.zeros(sum(map(len, every)), np.uint32)),
            "time": _stacked(every, "time", pa.float64()),
            "kind": pa.array(np.concatenate(names)).dictionary_encode(),
            "channel": _stacked(every, "channel", pa.string()),
        }
        log |= {name: _stacked(every, name, pa.string()) for name in SEGMENTS}
        log["order_id"] = _stacked(every, "order_id", pa.int64())
        log["cost_micros"] = _stacked(every, "cost_micros", pa.int64()).fill_null(0)
        log["value_micros"] = _stacked(every, "value_micros", pa.int64()).fill_null(0)
        table = pa.table(log).sort_by([("user_id", "ascending"), ("time", "ascending")])
        return (OutputTable("events/part-00000", table, "parquet"),)


def told_of(source: InputTable) -> tuple[float | None, list[str]]:
    """The day on which a log's reported window ends, as the manifest beside it says, and notes on which events were kept.

    The day is None where there is no manifest.

    Raises:
        InvalidInputError: none of its touches were kept.
    """
    manifest = _manifest(source)
    kept = manifest.get(EVENTS_KEPT)
    if kept and kept != "sample":
        rule = f"keeps no touches ({EVENTS_KEPT}: {kept}), so there is nothing to attribute"
        raise InvalidInputError([f"{source.name}: {rule}; simulate it again with --events all"])
    notes = ["The log keeps one person in a hundred: counts and costs are theirs."] if kept else []
    try:
        return float(manifest["clock"][WINDOW_END]), notes
    except (ValueError, KeyError, TypeError):
        return None, notes


def _manifest(source: InputTable) -> dict[str, Any]:
    """The manifest of cpalab beside a log; an empty one where there is none."""
    path = source.path
    for folder in () if path is None else (path, *path.resolve().parents[:2]):
        try:
            found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(found, dict) and "clock" in found:
            return found
    return {}


def _encoded(table: pa.Table, name: str) -> tuple[NDArray[Any], list[str]]:
    """The code of every row, -1 where it is empty, and the words."""
    column = table[name]
    column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    chunk = column.unify_dictionaries().combine_chunks()
    chunk = chunk.chunk(0) if isinstance(chunk, pa.ChunkedArray) else chunk
    codes = chunk.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
    return codes, chunk.dictionary.to_pylist()


def is_view(touches: pa.Table) -> Bools:
    """Which touches are views; those of unknown kind are clicks (n_touches,)."""
    if "kind" not in touches.column_names:
        return np.zeros(len(touches), dtype=np.bool_)
    codes, words = _encoded(touches, "kind")
    return np.asarray(codes == (words.index("view") if "view" in words else -2))


def _kinds_of(conversions: pa.Table) -> NDArray[Any]:
    if "action" not in conversions.column_names:
        return np.full(len(conversions), "conversion", dtype=object)
    codes, words = _encoded(conversions, "action")
    plain = ("conversion", "fake_lead")
    kinds: NDArray[Any] = np.array([*(w if w in plain else f"micro:{w}" for w in words), "conversion"], dtype=object)
    return np.asarray(kinds[codes])


def _became(conversions: pa.Table) -> list[tuple[str, pa.ChunkedArray]]:
    """What conversions became later, and which did."""
    return [(kind, conversions[truth]) for truth, kind in STAGES.items() if truth in conversions.column_names]


def _stacked(tables: Sequence[pa.Table], name: str, kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([chunk for table in tables for chunk in _column(table, name, kind).chunks], kind)


def _column(table: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(len(table), kind)])
    return table[name].cast(kind)


def _without(table: pa.Table, name: str) -> pa.Table:
    return table.drop_columns(name) if name in table.column_names else table
