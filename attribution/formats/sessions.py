"""Format `sessions`: one row per session, with the person, time, channel and whether it converted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.column_names import SESSIONS as COLUMNS
from attribution.formats.event_tables import joined
from attribution.formats.records import Records, micros, segment_columns
from attribution.formats.writing import OutputTable, in_currency
from cpalab.refusal import InvalidInputError
from cpalab.tables.checked_columns import CheckedColumns, Column, match_columns
from cpalab.tables.input_table import InputTable
from cpalab.tables.report import ReadReport


@dataclass(frozen=True)
class Sessions:
    """Every row is a touch; a row that converted is a conversion at the same instant too."""

    name = "sessions"
    description = "one row per session: user_id, time, channel, converted, and perhaps value"
    layout: ClassVar[Mapping[str, Mapping[str, Column]]] = {"": COLUMNS}
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
            bought = {name: columns[name] for name in ("user_id", "time")}
            if "value" in found:
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
        """One row per touch; a conversion marks the person's touch at the same instant.

        Raises:
            InvalidInputError: if a conversion has no touch at its instant: it would be lost.
        """
        touches, conversions = records.touches, records.conversions
        if len(touches) == 0:
            raise InvalidInputError(["sessions: there are no touches to write"])
        keys = [
            pc.binary_join_element_wise(table["user_id"].cast(pa.string()), table["time"].cast(pa.string()), "\0")
            for table in (touches, conversions)
        ]
        place = pc.index_in(keys[1], value_set=keys[0].combine_chunks()).to_numpy(zero_copy_only=False)
        lost = int(np.count_nonzero(np.isnan(place.astype(np.float64))))
        if lost or len(np.unique(place)) < len(place):
            raise InvalidInputError(
                [f"sessions: {lost or 'some'} conversions have no touch of their own at their instant; write `tables`"]
            )
        rows = place.astype(np.int64)
        converted, value = np.zeros(len(touches), np.int8), np.zeros(len(touches), np.int64)
        converted[rows] = 1
        if "value_micros" in conversions.column_names:
            value[rows] = conversions["value_micros"].to_numpy()
        table = touches.append_column("converted", pa.array(converted))
        return (OutputTable("sessions", in_currency(table.append_column("value_micros", pa.array(value)), "value")),)
