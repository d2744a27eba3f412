"""`CheckedColumns`: the columns of one table as checked values; rows that break a rule are marked and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.formats.input_table import InputTable, Loaded
from attribution.formats.report import LINES_SHOWN, Defect, ReadReport
from attribution.paths.ragged import Bools, Floats, Ints
from cpalab.refusal import did_you_mean

MOST_DAYS = 100_000.0  # 274 years; a larger number is seconds, milliseconds or a date, not days
ZONE = r"\d{2}:\d{2}.*?(Z|z|[+-]\d{2}:?\d{2}| UTC)$"
TRUE, FALSE = ("1", "1.0", "true", "yes", "y", "t"), ("0", "0.0", "false", "no", "n", "f")


@dataclass(frozen=True)
class Column:
    """A column of a format: its own name first, then the names other tools give it."""

    names: tuple[str, ...]
    required: bool = True


def match_columns(
    source: InputTable, wanted: Mapping[str, Column], problems: list[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return {our name: the source's name} and the columns nobody asked for; names match whatever their case.

    A missing column is a problem, and so is an unknown one whose name is nearly that of an optional column
    that is missing: a misspelled `revenue` must not read as "no revenue".
    """
    given = {name.casefold(): name for name in source.columns}
    found = {}
    for ours, column in wanted.items():
        match = next((given[name.casefold()] for name in column.names if name.casefold() in given), None)
        if match is not None:
            found[ours] = match
        elif column.required:
            problems.append(
                f"{source.name}: column {column.names[0]!r} is missing; {did_you_mean(ours, source.columns)}"
            )
    rest = tuple(name for name in source.columns if name not in found.values())
    absent = [name for ours, column in wanted.items() if ours not in found for name in column.names]
    for name in rest:
        hint = did_you_mean(name, absent) if absent else ""
        if hint.startswith("did you mean") and _near(name, absent):
            problems.append(f"{source.name}: column {name!r} is unknown; {hint}")
    return found, rest


@dataclass(eq=False)
class CheckedColumns:
    """Reads the columns of one loaded table and gathers what is wrong with its rows.

    Attributes:
        place: what refusals call the table.
        loaded: the table.
        bad: whether each row broke a rule so far [n_rows].
        defects: the rules that were broken.
        left_out: well-formed rows that are nothing to us, as (what, how many).
    """

    place: str
    loaded: Loaded
    bad: Bools = field(init=False)
    defects: list[Defect] = field(default_factory=list)
    left_out: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take over the lines that were no rows."""
        self.bad = np.zeros(len(self.loaded.table), dtype=np.bool_)
        for lines in self.loaded.bad_lines:
            shown = lines.lines[:LINES_SHOWN]
            self.defects.append(Defect(self.place, lines.first, lines.rule, len(lines.lines), shown))
        if self.loaded.blank_lines:
            self.left_out.append(("blank lines", self.loaded.blank_lines))

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.bad)

    def column(self, name: str) -> pa.ChunkedArray:
        """A column as it was read, without dictionary."""
        column = self.loaded.table[name]
        return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column

    def mark(self, name: str, wrong: Bools, rule: str) -> None:
        """Note that these rows break a rule in this column."""
        rows = np.flatnonzero(wrong)
        if len(rows) == 0:
            return
        value = self.loaded.table[name][int(rows[0])].as_py()
        self.defects.append(
            Defect(
                place=f"{self.place}.{name}",
                value="" if value is None else str(value)[:60],
                rule=rule,
                rows=len(rows),
                lines=tuple(self.loaded.line[rows[:LINES_SHOWN]].tolist()),
                numbering=self.loaded.numbering,
            )
        )
        self.bad |= wrong

    def text(self, name: str, *, empty_is: str | None = "is empty; every row needs one") -> pa.ChunkedArray:
        """A column as text; blank cells are null, and break a rule unless `empty_is` is None."""
        column = self.column(name)
        if not _is_text(column.type):
            column = column.cast(pa.string())
        column = column.cast(pa.large_string())
        blank = pc.equal(pc.utf8_trim_whitespace(column), "")
        column = pc.if_else(blank, pa.scalar(None, pa.large_string()), column)
        if empty_is is not None:
            self.mark(name, pc.is_null(column).to_numpy(), empty_is)
        return column

    def users(self, name: str) -> pa.ChunkedArray:
        """A column of people: numbers as they are, everything else as text."""
        column = self.column(name)
        if not pa.types.is_integer(column.type):
            return self.text(name, empty_is="is empty; a touch or conversion needs its person")
        self.mark(name, pc.is_null(column).to_numpy(), "is empty; a touch or conversion needs its person")
        return column.fill_null(0)

    def words(self, name: str, known: Sequence[str]) -> NDArray[Any]:
        """A column of these words as objects, whatever their case."""
        words = pc.utf8_lower(self.text(name)).fill_null("").to_numpy()
        wrong = ~np.isin(words, known) & (words != "")
        self.mark(name, wrong, f"is not one of {', '.join(known)}")
        return np.asarray(words)

    def numbers(self, name: str, *, empty: float | None = 0.0, negative: bool = False) -> Floats:
        """A column of finite numbers; empty cells become `empty`, or break a rule if that is None."""
        column = self.column(name)
        if _is_text(column.type):
            number = _numbers_of_text(column)
        elif pa.types.is_boolean(column.type):
            number = column.cast(pa.int8()).to_numpy().astype(np.float64)
        elif _is_number(column.type):
            number = column.cast(pa.float64()).to_numpy()
        else:
            number = np.full(len(column), np.nan)
        if column.null_count == 0 and len(number) and _all_counts(number):
            return number
        filled, number = pc.is_valid(column).to_numpy(), number.copy()
        self.mark(name, filled & ~np.isfinite(number), "is not a number")
        if not negative:
            self.mark(name, filled & (number < 0), "is negative; it must be zero or more")
        if empty is None:
            self.mark(name, ~filled, "is empty; a number is needed")
        number[~np.isfinite(number)] = 0.0 if empty is None else empty
        return number

    def flags(self, name: str) -> Bools:
        """A column of yes or no: 1/0, true/false, yes/no; an empty cell is no."""
        column = self.column(name)
        if pa.types.is_boolean(column.type):
            return np.asarray(column.fill_null(False).to_numpy())
        words = pc.utf8_lower(self.text(name, empty_is=None).fill_null("0")).to_numpy()
        yes, no = np.isin(words, TRUE), np.isin(words, FALSE)
        self.mark(name, ~(yes | no), "is neither yes nor no; write 1 or 0")
        return yes

    def times(self, name: str, *, seconds_per_unit: float | None = None) -> pa.Array:
        """A column of times: days as numbers, or timestamps; all rows on one clock, that of most rows.

        Text is a number of days, or a date or datetime of ISO 8601. Datetimes with different offsets are one
        clock (UTC); with and without an offset are two, and the rows of the rarer break a rule.

        Args:
            name: the column.
            seconds_per_unit: for numbers that are no days: how many seconds one is; they become days.
        """
        column = self.column(name)
        if _is_number(column.type) or seconds_per_unit is not None:
            days = self.numbers(name, empty=None, negative=True) * (seconds_per_unit or 86_400.0) / 86_400.0
            self.mark(name, np.abs(days) > MOST_DAYS, "is too large for days; give a date and time")
            return pa.array(days)
        empty = pc.is_null(column).to_numpy()
        self.mark(name, empty, "is empty; every row needs its time")
        if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
            zone = getattr(column.type, "tz", None)
            moments = column.cast(pa.timestamp("us", tz=zone), safe=False)
            return moments.fill_null(pa.scalar(0, pa.int64()).cast(moments.type)).combine_chunks()
        return self._times_of_text(name, empty)

    def _times_of_text(self, name: str, empty: Bools) -> pa.Array:
        import pandas as pd

        column = self.text(name, empty_is=None)
        days = _numbers_of_text(column)
        is_days = np.abs(days) <= MOST_DAYS
        has_zone = pc.match_substring_regex(column, ZONE).fill_null(False).to_numpy()
        iso = pc.replace_substring_regex(column, " UTC$", "Z").to_pandas()
        moments = pd.to_datetime(iso.mask(is_days), format="ISO8601", errors="coerce", utc=True)
        is_moment = moments.notna().to_numpy()
        self.mark(name, ~(empty | is_days | is_moment), "is not a time; give days, or a date like 2026-03-31")
        kinds = {"days": is_days, "zoned": is_moment & has_zone, "naive": is_moment & ~has_zone}
        clock = max(kinds, key=lambda kind: int(np.count_nonzero(kinds[kind])))
        rule = {
            "days": "is a number of days where most rows have dates",
            "zoned": "has a time zone where most rows have none; mixed time zones cannot be compared",
            "naive": "has no time zone where most rows have one; mixed time zones cannot be compared",
        }
        if clock == "days":
            rule |= dict.fromkeys(("zoned", "naive"), "is a date where most rows have a number of days")
        for kind, rows in kinds.items():
            if kind != clock:
                self.mark(name, rows, rule[kind])
        if clock == "days":
            return pa.array(np.nan_to_num(days))
        micros = moments.fillna(pd.Timestamp(0, tz="UTC")).dt.as_unit("us").astype("int64").to_numpy()
        return pa.array(micros).cast(pa.timestamp("us", tz="UTC" if clock == "zoned" else None))

    def kept(self, rows: Bools | None = None) -> Ints:
        """The rows that broke no rule, of these rows."""
        return np.flatnonzero(~self.bad if rows is None else ~self.bad & rows)

    def report(self, notes: Sequence[str] = ()) -> ReadReport:
        """What became of the rows."""
        lost = sum(len(lines.lines) for lines in self.loaded.bad_lines)
        return ReadReport(
            rows=len(self) + lost,
            dropped=int(np.count_nonzero(self.bad)) + lost,
            defects=tuple(self.defects),
            left_out=tuple(self.left_out),
            notes=tuple(notes),
        )


def _all_counts(number: Floats) -> bool:
    """Whether every number is finite and not negative, at a quick look: false if one is NaN."""
    return bool(number.min() >= 0 and number.max() < np.inf)


def _numbers_of_text(column: pa.ChunkedArray) -> Floats:
    """Text as numbers, NaN where it is none."""
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False)).copy()
    except pa.ArrowInvalid:
        import pandas as pd

        numbers = pd.to_numeric(column.to_pandas(), errors="coerce")
        return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan)).copy()


def _near(name: str, known: Sequence[str]) -> bool:
    import difflib

    return bool(difflib.get_close_matches(name.casefold(), [k.casefold() for k in known], n=1, cutoff=0.8))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
