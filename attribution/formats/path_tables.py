"""Formats `channelattribution` and `top_paths`: one row per path, with its conversions, value and nulls."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.column_names import (
    CURRENCY,
    PATH_CONVERSIONS,
    PATH_CONVERTED,
    PATH_DAYS,
    PATH_GRAINS,
    PATH_HOURS,
    PATH_NAMES,
    columns_named,
)
from attribution.formats.path_times import HOURS_PER_DAY, ages_of, is_per_touch, with_times
from attribution.formats.records import CountedPaths
from attribution.formats.writing import OutputTable
from attribution.paths.paths import SEPARATOR, Paths
from attribution.paths.separators import cut_paths
from attribution.paths.texts import distinct_rows
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError
from cpalab.tables.checked_columns import AMBIGUOUS_WORD, MISSING_WORDS, CheckedColumns, Column, match_columns
from cpalab.tables.exchange import in_one_currency
from cpalab.tables.input_table import InputTable
from cpalab.tables.report import ReadReport

# Words of a column that stand for all of its others; "(all)", "All Users", "Total".
ALL_ROWS = re.compile(r"(?i)\W*(all( \w+)?|total|overall|gesamt|any)\W*")
MOST_WORDS = 1_000


@dataclass(frozen=True)
class TopPaths:
    """Paths like "search > email" with their counts, as analytics tools export them.

    A path whose cell is empty has no touches: its conversions are unattributed. Blanks around names do not count. Lists of
    names (JSON arrays, as GA4 exports them) are paths too. Titles, totals and several types of path in one file (Snowplow's
    `path_type`) are told apart. A column of hours or days ("50 > 26 > 0": how long before the end of its journey each touch
    was) gives the paths times, for models that read them. Rows that are one journey each (`converted_agg`) are counted.

    Attributes:
        separator: what stands between two channels; by default told from the paths (`attribution.paths.separators`).
        path_type: which paths to read, where a column `path_type` or `cv_type` names several.
    """

    separator: str | None = None
    path_type: str | None = None

    name: ClassVar[str] = "top_paths"
    description: ClassVar[str] = 'path ("search > email"), conversions, and perhaps value and nulls'
    example: ClassVar[str] = "search > email,12,340.50,88"
    columns: ClassVar[Mapping[str, Column]] = {
        "path": Column(PATH_NAMES),
        "conversions": Column((*PATH_CONVERSIONS[:-1], *PATH_CONVERTED)),
        "value": Column(("value", "revenue", "conversion value", "purchase revenue", "total revenue"), required=False),
        "nulls": Column(("nulls", "non_conversions", "non-conversions", "null"), required=False),
        "currency": Column(CURRENCY, required=False),
        "hours": Column(PATH_HOURS, required=False),
        "days": Column(PATH_DAYS, required=False),
    }
    layout: ClassVar[Mapping[str, Mapping[str, Column]]] = {"": columns}
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
        told: set[str] = set()
        for source in sources:
            found, rest = match_columns(source, self.columns, problems)
            if not {"path", "conversions"} <= found.keys():
                continue
            grain = columns_named(rest, PATH_GRAINS)
            sieve = CheckedColumns(source.name, source.load())
            if "value" in found and sieve.says_nothing(found["value"]):
                del found["value"]
            told |= found.keys()
            problems += one_type(sieve, grain, self.path_type, self.name)
            amounts = [found[name] for name in ("conversions", "value") if name in found]
            sieve.leave_out_totals([found["path"]], amounts, nameless_counts=True)
            paths, currencies = self._paths(sieve, found, problems)
            parts.append(paths)
            unread = _unread(sieve, found["path"], [name for name in rest if name not in grain])
            reports.append(sieve.report(unread, [("value", code) for code in currencies]))
        if problems:
            raise InvalidInputError(problems)
        return CountedPaths(
            parts[0] if len(parts) == 1 else Paths.merge(*parts), ReadReport.sum(reports), has_value="value" in told
        )

    def tables(self, paths: Paths) -> tuple[OutputTable, ...]:
        """One row per path; conversions without any touch are a row with an empty path.

        Raises:
            InvalidInputError: if a channel's name holds the separator: the paths could not be read back.
        """
        separator = self.separator or SEPARATOR
        mark = separator.strip() or separator
        holding = [name for name in paths.channels if mark in name]
        if holding:
            raise InvalidInputError(
                [f"{self.name}: the channel {name!r} holds the separator {mark!r}; rename it" for name in holding]
            )
        frame = paths.to_frame(SEPARATOR if separator == mark else separator)
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

    def _paths(self, sieve: CheckedColumns, found: Mapping[str, str], problems: list[str]) -> tuple[Paths, list[str]]:
        """The paths of one table, and the currency of their value where it is known."""
        path = sieve.column(found["path"])
        if columns_named([found["conversions"]], PATH_CONVERTED):
            conversions = sieve.flags(found["conversions"]).astype(np.float64)
            others = 1 - conversions
        else:
            conversions, others = sieve.numbers(found["conversions"]), np.zeros(len(sieve))
        value, currencies = np.zeros(len(sieve)), list[str]()
        if "value" in found:
            value, currencies = in_one_currency(
                sieve, sieve.numbers(found["value"]), found["value"], found.get("currency"), problems
            )
        nulls = sieve.numbers(found["nulls"]) if "nulls" in found else others
        if "value" in found:
            sieve.mark(found["value"], (value > 0) & (conversions == 0), "is value without a conversion")
        path, separator, told = cut_paths(sieve.paths(found["path"]), self.separator, f"{sieve.place}.{found['path']}")
        sieve.notes += [told] if told else []
        rows = distinct_rows(path, separator, strip=True)
        if sieve.loaded.numbering == "line" and sieve.loaded.options.missing != "name":
            words = [code for code, name in enumerate(rows.names) if name in MISSING_WORDS]
            holds = np.add.reduceat(np.append(np.isin(rows.codes, words), False), rows.offsets[:-1]) * (
                np.diff(rows.offsets) > 0
            )
            rule = (
                f"holds a word that {AMBIGUOUS_WORD}"
                if sieve.loaded.options.missing is None
                else "holds a word that says there is no name, as --missing-words empty reads it; write the path without it, "
                "or say --missing-words name"
            )
            sieve.mark(found["path"], (holds > 0)[rows.row], rule)
        if rows.has_empty_name.any():
            gap = rows.has_empty_name[rows.row]
            sieve.mark(found["path"], gap, f"has an empty name before or after {separator.strip()!r}")
        times = next((name for name in ("hours", "days") if name in found), None)
        lengths = np.diff(rows.offsets)[rows.row]
        ages = None
        if times is not None:
            texts = sieve.text(found[times], empty_is=None).to_pylist()
            if is_per_touch(texts, lengths):
                ages, wrong = ages_of(texts, lengths, HOURS_PER_DAY if times == "hours" else 1)
                sieve.mark(
                    found[times], wrong, "must be a number for each touch, oldest first: how long before the end it was"
                )
            else:
                sieve.notes.append(
                    f"{sieve.place}.{found[times]}: is one number a path, not one a touch, and is not read"
                )
        kept: Any = sieve.kept() if sieve.bad.any() else slice(None)
        paths = Paths.from_rows(
            path.take(pa.array(kept)) if sieve.bad.any() else rows,
            conversions[kept],
            value_micros=value[kept] * MICROS if "value" in found else None,
            nulls=nulls[kept],
            separator=separator,
            strip=True,
        )
        if ages is None or times is None:
            return paths, currencies
        sieve.notes.append(
            f"{sieve.place}.{found[times]}: is when each touch was, {times} before the end of its journey"
        )
        return with_times(paths, rows, sieve.kept(), (conversions, value * MICROS, nulls), ages), currencies


@dataclass(frozen=True)
class ChannelAttributionFrame(TopPaths):
    """The frame ChannelAttribution takes: `path, total_conversions, total_conversion_value, total_null`.

    As there, blanks around names do not count, so "a>b" is "a > b".

    Attributes:
        separator: ChannelAttribution's `sep`; by default told from the paths.
    """

    separator: str | None = None

    name: ClassVar[str] = "channelattribution"
    description: ClassVar[str] = "path, total_conversions, and perhaps total_conversion_value, total_null"
    example: ClassVar[str] = "search > email,12,340.50,88"
    columns: ClassVar[Mapping[str, Column]] = {
        "path": Column(("path",)),
        "conversions": Column(("total_conversions",)),
        "value": Column(("total_conversion_value",), required=False),
        "nulls": Column(("total_null",), required=False),
    }
    layout: ClassVar[Mapping[str, Mapping[str, Column]]] = {"": columns}
    written: ClassVar[Mapping[str, str]] = {
        "path": "path",
        "conversions": "total_conversions",
        "value": "total_conversion_value",
        "nulls": "total_null",
    }


def _unread(sieve: CheckedColumns, path: str, rest: Sequence[str]) -> list[str]:
    """What to say of columns that were not read; paths of several rows are added up, whatever these columns say.

    Raises:
        InvalidInputError: if some rows of a column sum up the others ("all", "All Users").
    """
    if not rest:
        return []
    notes = [f"{sieve.place}: columns not read: {', '.join(rest)}"]
    once = pc.count_distinct(sieve.column(path), mode="all").as_py() == len(sieve)
    for name in () if once else rest:
        if pa.types.is_nested(sieve.column(name).type):
            continue
        words = pc.unique(sieve.text(name, empty_is=None)).drop_null().to_pylist()
        whole = [word for word in words if ALL_ROWS.fullmatch(word)]
        others = [word for word in words if word not in whole]
        if whole and others:
            raise InvalidInputError(
                [
                    f"{sieve.place}.{name}: {whole[0]!r} could sum up the rows of {', '.join(others)[:60]}"
                    " or be one of them; keep the rows you mean"
                ]
            )
        if 1 < len(words) <= MOST_WORDS:
            shown = ", ".join(words[:4]) + (" …" if len(words) > 4 else "")
            notes.append(f"{sieve.place}: paths are added up over {name} ({shown})")
    return notes


def one_type(sieve: CheckedColumns, grain: Sequence[str], chosen: str | None, form: str) -> list[str]:
    """Keep the rows of one type of path or conversion; say so where there are several and none is chosen.

    Rows of several types hold the same conversions again, along channels and along campaigns.
    """
    problems = []
    for name in grain:
        words = sieve.text(name, empty_is=None)
        known = sorted(pc.unique(words).drop_null().to_pylist())
        if len(known) > 1 and chosen not in known:
            asked = f"{chosen!r} is none of them; " if chosen else ""
            problems.append(
                f"{sieve.place}.{name}: holds {', '.join(known)}; {asked}say which to read "
                f'(--format "{form}(path_type={known[0]!r})")'
            )
        elif len(known) > 1:
            sieve.leave_out(~pc.equal(words, chosen).fill_null(False).to_numpy(), f"rows of another {name}")
    return problems
