"""Format `sessions`: one row per session, with the person, time, channel and whether it converted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.column_names import SESSIONS as COLUMNS
from attribution.formats.event_tables import joined
from attribution.formats.records import Records, micros, segment_columns
from attribution.formats.simulated_log import is_view
from attribution.formats.writing import Limits, OutputTable, in_currency
from attribution.paths.ragged import Ints
from cpalab.refusal import InvalidInputError
from cpalab.tables.checked_columns import Bools, CheckedColumns, Column, match_columns
from cpalab.tables.input_table import InputTable
from cpalab.tables.report import ReadReport


@dataclass(frozen=True)
class Sessions:
    """Every row is a touch; a row that converted is a conversion too, at the same instant or at its `conversion_time`."""

    name = "sessions"
    description = "one row per session: user_id, time, channel, converted, and perhaps value"
    layout: ClassVar[Mapping[str, Mapping[str, Column]]] = {"": COLUMNS}
    limits: ClassVar[Limits] = Limits(views=False, unattributed=False)
    example = "u1,2026-03-01 10:00:00,email,1,49.90"

    def recognises(self, source: InputTable) -> bool:
        """Whether every required column is there."""
        problems: list[str] = []
        found, _ = match_columns(source, COLUMNS, problems)
        return {"user_id", "time", "channel", "converted"} <= found.keys()

    def read(self, sources: Sequence[InputTable]) -> Records:
        """Read the sessions as touches, and those that converted as conversions too."""
        problems: list[str] = []
        touches, conversions, reports = [], [], []
        for source in sources:
            found, rest = match_columns(source, COLUMNS, problems)
            if not {"user_id", "time", "channel", "converted"} <= found.keys():
                continue
            sieve = CheckedColumns(source.name, source.load())
            columns = {
                "user_id": sieve.users(found["user_id"]),
                "time": sieve.times(found["time"]),
                "channel": sieve.text(found["channel"]),
            }
            converted = sieve.flags(found["converted"])
            bought = {"user_id": columns["user_id"], "time": columns["time"]}
            if "conversion_time" in found:
                bought["time"] = _conversion_times(sieve, found["conversion_time"], columns["time"], converted)
            if "value" in found and not sieve.says_nothing(found["value"]):
                value = sieve.numbers(found["value"])
                sieve.mark(found["value"], (value > 0) & ~converted & ~sieve.bad, "is value without a conversion")
                bought["value_micros"] = pa.array(micros(value))
            segments = segment_columns(sieve, rest, (*columns, *bought))
            touches.append(pa.table(columns | segments).take(pa.array(sieve.kept())))
            conversions.append(pa.table(bought | segments).take(pa.array(sieve.kept(converted))))
            reports.append(sieve.report())
        if problems:
            raise InvalidInputError(problems)
        return Records(joined(touches), joined(conversions), None, ReadReport.sum(reports))

    def tables(self, records: Records) -> tuple[OutputTable, ...]:
        """One row per touch; a conversion marks the person's latest touch before it that no other conversion marks.

        `conversion_time` is written where a conversion is not at the instant of its touch.

        Raises:
            InvalidInputError: if touches are views, or a conversion has no touch of its own: it would be lost.
        """
        touches, conversions = records.touches, records.conversions
        problems = [] if len(touches) else ["sessions: there are no touches to write"]
        if is_view(touches).any():
            problems.append("sessions: views cannot be written; keep touches of kind 'click'")
        rows = _own_touches(touches, conversions)
        if lost := int(np.count_nonzero(rows < 0)):
            problems.append(f"sessions: {lost} conversions have no touch of their own before them; write `tables`")
        if problems:
            raise InvalidInputError(problems)
        converted, value = np.zeros(len(touches), np.int8), np.zeros(len(touches), np.int64)
        converted[rows] = 1
        place = np.full(len(touches), -1)
        place[rows] = np.arange(len(rows))
        if "value_micros" in conversions.column_names:
            value[rows] = conversions["value_micros"].to_numpy()
        table = touches.append_column("converted", pa.array(converted))
        at_once = pc.equal(conversions["time"], touches["time"].take(pa.array(rows)))
        if not pc.all(at_once, min_count=0).as_py():
            table = table.append_column("conversion_time", conversions["time"].take(pa.array(place, mask=place < 0)))
        return (OutputTable("sessions", in_currency(table.append_column("value_micros", pa.array(value)), "value")),)


def _own_touches(touches: pa.Table, conversions: pa.Table) -> Ints:
    """The row of the touch that each conversion marks, -1 where there is none left (n_conversions,)."""
    people = pc.unique(pa.chunked_array([*touches["user_id"].cast(pa.string()).chunks,
                                         *conversions["user_id"].cast(pa.string()).chunks]))  # fmt: skip
    who, buyer = (
        pc.index_in(t["user_id"].cast(pa.string()), value_set=people).to_numpy() for t in (touches, conversions)
    )
    when, bought = touches["time"].to_numpy(), conversions["time"].to_numpy()
    order = np.lexsort((np.arange(len(when)), when, who))
    first = np.searchsorted(who[order], np.arange(len(people) + 1))
    rows = np.full(len(bought), -1, dtype=np.int64)
    free: dict[
        int, tuple[list[int], int]
    ] = {}  # of a person: touches that are marked by none, and how many were offered
    for row in np.lexsort((np.arange(len(bought)), bought, buyer)).tolist():
        person = int(buyer[row])
        waiting, offered = free.get(person, ([], int(first[person])))
        while offered < first[person + 1] and when[order[offered]] <= bought[row]:
            waiting.append(int(order[offered]))
            offered += 1
        if waiting:
            rows[row] = waiting.pop()
        free[person] = waiting, offered
    return rows


def _conversion_times(sieve: CheckedColumns, name: str, session: pa.Array, converted: Bools) -> pa.Array:
    """When the sessions' conversions happened: as the column says, or at once where it is empty."""
    given = converted & pc.is_valid(sieve.ids(name)).to_numpy()
    if not given.any():
        return session
    part = CheckedColumns(
        sieve.place,
        replace(
            sieve.loaded,
            table=sieve.loaded.table.filter(pa.array(given)),
            line=sieve.loaded.line[given],
            bad_lines=(),
            left_out=(),
            notes=(),
        ),
    )
    moments = part.times(name)
    sieve.defects += part.defects
    wrong = np.zeros(len(sieve), dtype=np.bool_)
    wrong[given] = part.bad
    sieve.bad |= wrong
    place = np.cumsum(given) - 1
    every = moments.take(pa.array(place, mask=~given))
    if every.type != session.type:
        sieve.mark(name, given, "is on another clock than the session's time", can_drop=False)
        return session
    late = given & ~sieve.bad & pc.less(every, session).fill_null(False).to_numpy(zero_copy_only=False)
    sieve.mark(name, late, "is before the session")
    return pc.coalesce(every, session)
