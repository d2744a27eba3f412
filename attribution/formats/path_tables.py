"""Formats `channelattribution` and `top_paths`: one row per path, with its conversions, value and nulls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from attribution.formats.records import CountedPaths
from attribution.formats.writing import OutputTable
from attribution.paths.paths import SEPARATOR, Paths
from attribution.paths.texts import distinct_rows
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError
from cpalab.tables.checked_columns import CheckedColumns, Column, match_columns
from cpalab.tables.input_table import InputTable
from cpalab.tables.report import ReadReport


@dataclass(frozen=True)
class TopPaths:
    """Paths like "search > email" with their counts, as analytics tools export them.

    A path whose cell is empty has no touches: its conversions are unattributed. A name may hold anything but
    the separator, which is compared to the letter, blanks included.

    Attributes:
        separator: what stands between two channels.
    """

    separator: str = SEPARATOR

    name: ClassVar[str] = "top_paths"
    description: ClassVar[str] = 'path ("search > email"), conversions, and perhaps value and nulls'
    strip: ClassVar[bool] = False
    columns: ClassVar[Mapping[str, Column]] = {
        "path": Column(
            (
                "path",
                "transformed_path",
                "channel_path",
                "channel_transformed_path",
                "conversion path",
                "default channel group path",
                "default channel grouping path",
                "mcf channel grouping path",
                "source / medium path",
                "source/medium path",
            )
        ),
        "conversions": Column(("conversions", "key events", "total conversions", "purchases")),
        "value": Column(("value", "revenue", "conversion value", "purchase revenue", "total revenue"), required=False),
        "nulls": Column(("nulls", "non_conversions", "non-conversions", "null"), required=False),
    }
    written: ClassVar[Mapping[str, str]] = {
        "path": "path",
        "conversions": "conversions",
        "value": "value",
        "nulls": "nulls",
    }

    def recognises(self, source: InputTable) -> bool:
        """Whether there are paths and their conversions."""
        found, _ = match_columns(source, self.columns, [])
        return {"path", "conversions"} <= found.keys()

    def read(self, sources: Sequence[InputTable]) -> CountedPaths:
        """Read the paths; equal ones are added up."""
        problems: list[str] = []
        parts, reports = [], []
        for source in sources:
            found, rest = match_columns(source, self.columns, problems)
            if not {"path", "conversions"} <= found.keys():
                continue
            sieve = CheckedColumns(source.name, source.load(tuple(found.values())))
            parts.append(self._paths(sieve, found))
            notes = [f"{source.name}: columns not read: {', '.join(rest)}"] if rest else []
            reports.append(sieve.report(notes))
        if problems:
            raise InvalidInputError(problems)
        return CountedPaths(parts[0] if len(parts) == 1 else Paths.merge(*parts), ReadReport.sum(reports))

    def tables(self, paths: Paths) -> tuple[OutputTable, ...]:
        """One row per path; conversions without any touch are a row with an empty path.

        Raises:
            InvalidInputError: if a channel's name holds the separator: the paths could not be read back.
        """
        mark = self.separator.strip() or self.separator
        holding = [name for name in paths.channels if mark in name]
        if holding:
            raise InvalidInputError(
                [f"{self.name}: the channel {name!r} holds the separator {mark!r}; rename it" for name in holding]
            )
        frame = paths.to_frame(SEPARATOR if self.strip else self.separator)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if paths.unattributed_conversions:
            alone = {
                "path": [""],
                "conversions": [paths.unattributed_conversions],
                "value": [paths.unattributed_value_micros / MICROS],
                "nulls": [0.0],
            }
            table = pa.concat_tables([table, pa.table(alone, schema=table.schema)])
        ordered = table.select(list(self.written))
        return (OutputTable(self.name, ordered.rename_columns(list(self.written.values()))),)

    def _paths(self, sieve: CheckedColumns, found: Mapping[str, str]) -> Paths:
        path = sieve.column(found["path"])
        conversions = sieve.numbers(found["conversions"])
        value = sieve.numbers(found["value"]) if "value" in found else np.zeros(len(sieve))
        nulls = sieve.numbers(found["nulls"]) if "nulls" in found else np.zeros(len(sieve))
        if "value" in found:
            sieve.mark(found["value"], (value > 0) & (conversions == 0), "is value without a conversion")
        rows = distinct_rows(path, self.separator, strip=self.strip)
        if rows.has_empty_name.any():
            gap = rows.has_empty_name[rows.row]
            sieve.mark(found["path"], gap, f"has an empty name before or after {self.separator.strip()!r}")
        kept: Any = sieve.kept() if sieve.bad.any() else slice(None)
        return Paths.from_rows(
            path.take(pa.array(kept)) if sieve.bad.any() else rows,
            conversions[kept],
            value_micros=value[kept] * MICROS,
            nulls=nulls[kept],
            separator=self.separator,
            strip=self.strip,
        )


@dataclass(frozen=True)
class ChannelAttributionFrame(TopPaths):
    """The frame ChannelAttribution takes: `path, total_conversions, total_conversion_value, total_null`.

    As there, one character separates names and blanks around names do not count, so "a>b" is "a > b".

    Attributes:
        separator: the character, ChannelAttribution's `sep`.
    """

    separator: str = ">"

    name: ClassVar[str] = "channelattribution"
    description: ClassVar[str] = "path, total_conversions, and perhaps total_conversion_value, total_null"
    strip: ClassVar[bool] = True
    columns: ClassVar[Mapping[str, Column]] = {
        "path": Column(("path",)),
        "conversions": Column(("total_conversions",)),
        "value": Column(("total_conversion_value",), required=False),
        "nulls": Column(("total_null",), required=False),
    }
    written: ClassVar[Mapping[str, str]] = {
        "path": "path",
        "conversions": "total_conversions",
        "value": "total_conversion_value",
        "nulls": "total_null",
    }
