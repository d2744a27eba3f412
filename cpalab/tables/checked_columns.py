"""`CheckedColumns`: the columns of one table as checked values; rows that break a rule are marked and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cpalab.refusal import did_you_mean
from cpalab.tables import moments
from cpalab.tables.dialect import TOTAL, plain_name
from cpalab.tables.input_table import InputTable, Loaded
from cpalab.tables.numerals import Mark, Numeral, decimal_marks, is_nothing, numeral
from cpalab.tables.report import LINES_SHOWN, Defect, ReadReport

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

MOST_DAYS = 100_000.0  # 274 years; a larger number is seconds, milliseconds or a date, not days
TRUE, FALSE = ("1", "1.0", "true", "yes", "y", "t"), ("0", "0.0", "false", "no", "n", "f")
# Words that stand for a missing cell, but could be names: NA is Namibia, North America …
MISSING_WORDS = (
    "NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "NaN", "nan", "<NA>", "undefined", "Null", "NONE", "NAN", "Nan",
    "(null)", "\\N", "none", "nil", "Nil", "NIL", "n.a.", "N.A.", "-", "--", "–", "—", "?",
)  # fmt: skip
# Of ids these can only mean that there is none; taken for ids, they would make one person or order of many.
NO_ID = (
    "(not set)", "not set", "(none)", "none", "(direct)", "(data deleted)", "(empty)", "undefined", "null", "nil", "na",
    "n/a", "<na>", "nan", "NaN", "-", "\\N", "(null)", "(other)", "[object Object]", "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
NOBODY = ("guest", "anonymous", "anon", "unknown", "unknown user", "guest user", "anonymous user", "gast", "invité")
SHORT_NUMBER = r"^[1-9](\.\d+)?E\+\d{2}$"
NO_IDS = sorted({*NO_ID, *map(str.upper, NO_ID), *map(str.title, NO_ID)})
AMBIGUOUS_WORD = "could be a name or say that there is none; say --missing-words name or --missing-words empty"
AMBIGUOUS_NUMBER = (
    "has a mark that could stand before thousands or decimals; write 1204 or 1.2040 (or say --decimal point or comma)"
)
MIXED_NUMBERS = "has its mark for thousands or decimals where other rows have the other; write all with decimal points"
AMBIGUOUS_DATE = "may begin with the day or the month; say which (--dates day-first or --dates month-first)"
MIXED_DATES = "is one of dates some of which begin with the day and some with the month; write 2026-03-31"
AMBIGUOUS_TOTAL = "could sum up other rows or be a name, and is not the sum of the others; delete the row or rename it"
POINT: Mark = "."
TOTAL_WORDS = (
    "total", "totaal", "gesamt", "sum", "som", "overall", "results", "average", "avg", "all ",
    "итого", "Итого", "ИТОГО", "всего", "Всего", "合計", "总计",
)  # fmt: skip
SUMS_UP = r"^(sub)?totals?\s*([:\-–]|of \d)"


@dataclass(frozen=True)
class Column:
    """A column of a format: its own name first, then the names other tools give it."""

    names: tuple[str, ...]
    required: bool = True


def match_columns(
    source: InputTable, wanted: Mapping[str, Column], problems: list[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return {our name: the source's name} and the columns nobody asked for; names match whatever their case and marks.

    A missing column is a problem, and so is an unknown one whose name is nearly that of an optional column
    that is missing: a misspelled `revenue` must not read as "no revenue".
    """
    exact = {name.casefold(): name for name in reversed(source.columns)}
    given = {plain_name(name): name for name in reversed(source.columns)} | exact
    found: dict[str, str] = {}
    for ours, column in wanted.items():
        keys = [key for name in column.names for key in (name.casefold(), plain_name(name))]
        match = next((given[key] for key in keys if given.get(key) not in (None, *found.values())), None)
        if match is not None:
            found[ours] = match
        elif column.required:
            problems.append(
                f"{source.name}: column {column.names[0]!r} is missing; {did_you_mean(ours, source.columns)}"
            )
    rest = tuple(name for name in source.columns if name not in found.values())
    absent = [name for ours, column in wanted.items() if ours not in found for name in column.names[:3]]
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
        notes: what a reader should know.
        without_hour: for every column of times, whether each row is a date without time of day [n_rows].
        signs: for a column of numbers beside some of which a currency stood, its sign or code per row [n_rows].
    """

    place: str
    loaded: Loaded
    bad: Bools = field(init=False)
    defects: list[Defect] = field(default_factory=list)
    left_out: list[tuple[str, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    without_hour: dict[str, Bools] = field(default_factory=dict)
    signs: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take over the lines that were no rows."""
        self.bad = np.zeros(len(self.loaded.table), dtype=np.bool_)
        for lines in self.loaded.bad_lines:
            shown = lines.lines[:LINES_SHOWN]
            self.defects.append(Defect(self.place, lines.first, lines.rule, len(lines.lines), shown))
        self.left_out += [(what, rows) for what, rows in self.loaded.left_out if rows]
        self.notes += self.loaded.notes

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.bad)

    def column(self, name: str) -> pa.ChunkedArray:
        """A column as it was read, without dictionary."""
        column = self.loaded.table[name]
        return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column

    def mark(self, name: str, wrong: Bools, rule: str, *, can_drop: bool = True) -> None:
        """Note that these rows break a rule in this column."""
        rows = np.flatnonzero(wrong)
        self.bad |= wrong
        if len(rows) == 0 or any(d.place == f"{self.place}.{name}" and d.rule == rule for d in self.defects):
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
                can_drop=can_drop,
            )
        )

    def leave_out(self, rows: Bools, what: str) -> None:
        """Leave out well-formed rows that are nothing to us, and count them."""
        if not rows.any():
            return
        self.left_out.append((what, int(np.count_nonzero(rows))))
        keep, loaded = ~rows, self.loaded
        self.bad = self.bad[keep]
        self.signs = {name: signs[keep] for name, signs in self.signs.items()}
        self.loaded = replace(loaded, table=loaded.table.filter(pa.array(keep)), line=loaded.line[keep])

    def text(self, name: str, *, empty_is: str | None = "is empty; every row needs one") -> pa.ChunkedArray:
        """A column of names, blanks around them left out; an empty cell is null, and breaks a rule unless `empty_is` is None.

        Where every row needs a name, a word such as NA is refused, since it could be one: `TextOptions.missing` decides.
        """
        column = pc.utf8_trim_whitespace(self._plain_text(name))
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.large_string()), column)
        if empty_is is None:
            return column
        missing = self.loaded.options.missing
        if missing != "name" and not self._is_parquet_like:
            is_word = pc.is_in(column, value_set=pa.array(MISSING_WORDS, pa.large_string())).to_numpy()
            if missing is None:
                self.mark(name, is_word, AMBIGUOUS_WORD)
            else:
                column = pc.if_else(pa.array(is_word), pa.scalar(None, pa.large_string()), column)
        self.mark(name, pc.is_null(column).to_numpy(), empty_is)
        return column

    @property
    def _is_parquet_like(self) -> bool:
        """Whether missing cells have a value of their own, so that NA is a name."""
        return self.loaded.numbering == "row"

    def paths(self, name: str) -> pa.ChunkedArray:
        """A column of paths of names; a cell that is but a word such as NA is refused or empty, as in `text`."""
        column = self._plain_text(name)
        if self._is_parquet_like or self.loaded.options.missing == "name":
            return column
        if self.loaded.options.missing is None:
            return column  # a path of one such name is refused as any path that holds one
        is_word = pc.is_in(column, value_set=pa.array(MISSING_WORDS, pa.large_string())).to_numpy()
        return pc.if_else(pa.array(is_word), pa.scalar(None, pa.large_string()), column)

    def ids(self, name: str) -> pa.ChunkedArray:
        """A column of ids as text without blanks around them; empty, and words such as (not set), are null."""
        column = self.text(name, empty_is=None)
        absent = pc.is_in(column, value_set=pa.array(NO_IDS, pa.large_string()))
        return pc.if_else(absent, pa.scalar(None, pa.large_string()), column)

    def people(self, name: str) -> pa.ChunkedArray:
        """A column of ids of people: also a word such as guest is nobody's; an id that a spreadsheet cut short is refused."""
        column = self.ids(name)
        nobody = pc.is_in(pc.utf8_lower(column), value_set=pa.array(NOBODY, pa.large_string())).fill_null(False)
        if not self._is_parquet_like:
            short = pc.match_substring_regex(column, SHORT_NUMBER).fill_null(False).to_numpy()
            self.mark(
                name,
                short,
                "is a number as spreadsheets shorten it, so people are mixed up; export ids as text",
                can_drop=False,
            )
        return pc.if_else(nobody, pa.scalar(None, pa.large_string()), column)

    def users(self, name: str) -> pa.ChunkedArray:
        """A column of people: numbers as they are, everything else as text."""
        column = self.column(name)
        rule = "is empty or says so; a touch or conversion needs its person"
        if not pa.types.is_integer(column.type):
            column = self.people(name)
            self.mark(name, pc.is_null(column).to_numpy(), rule)
            return column
        self.mark(name, pc.is_null(column).to_numpy(), rule)
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
            column, number = self._numbers_of_text(name, column)
        elif pa.types.is_boolean(column.type):
            number = column.cast(pa.int8()).to_numpy().astype(np.float64)
        elif _is_number(column.type):
            number = column.cast(pa.float64(), safe=False).to_numpy()
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

    def _numbers_of_text(self, name: str, column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, Floats]:
        """The column with null where a cell says that there is no number, and its numbers, NaN where a cell is none."""
        number = _cast(column)
        if (
            number is not None
            and not pc.any(pc.match_substring_regex(column, r"^\s*[-+]?[1-9]\d{0,2}\.\d{3}\s*$")).as_py()
        ):
            return column, number
        encoded = column.dictionary_encode().unify_dictionaries().combine_chunks()
        encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
        texts = encoded.dictionary.to_pylist()
        read = [None if is_nothing(text) else numeral(text) for text in texts]
        marks = decimal_marks(found for found in read if found)
        chosen = self.loaded.options.decimal or (marks.pop() if len(marks) == 1 else None)
        if chosen is None and not marks:
            others = decimal_marks(self._other_numerals(name))
            chosen = others.pop() if len(others) == 1 else None
        rows = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        if chosen is None:
            wrong = [found is not None and (bool(found.marks) if marks else found.is_two) for found in read]
            self.mark(name, np.array([*wrong, False])[rows], MIXED_NUMBERS if marks else AMBIGUOUS_NUMBER)
        values = [np.nan if found is None else found.value(chosen or (*found.marks, POINT)[0]) for found in read]
        nothing = np.array([is_nothing(text) for text in texts] + [True])
        signs = [found.currency if found else "" for found in read]
        if any(signs):
            self.signs[name] = np.array([*signs, ""], dtype=object)[rows]
        return pc.if_else(pa.array(nothing[rows]), pa.scalar(None, column.type), column), np.array([*values, np.nan])[
            rows
        ]

    def _other_numerals(self, name: str) -> list[Numeral]:
        """The numerals in the file's other columns of numbers."""
        found: list[Numeral] = []
        for other in self.loaded.table.column_names:
            column = self.loaded.table[other]
            if other == name or not _is_text(column.type):
                continue
            texts = [text for text in pc.unique(column).to_pylist() if text and not is_nothing(text)]
            read = [numeral(text) for text in texts]
            found += [number for number in read if number] if all(read) else []
        return found

    def says_nothing(self, name: str) -> bool:
        """Whether a column has rows and no cell of them holds anything but words for nothing; it is noted if so."""
        words = pc.unique(self._plain_text(name)).to_pylist() if len(self) else [name]
        if not all(word is None or is_nothing(word) for word in words):
            return False
        self.notes.append(f"{self.place}.{name}: is empty in every row, so it is unknown, not 0")
        return True

    def flags(self, name: str) -> Bools:
        """A column of yes or no: 1/0, true/false, yes/no; an empty cell is no."""
        column = self.column(name)
        if pa.types.is_boolean(column.type):
            return np.asarray(column.fill_null(False).to_numpy())
        words = pc.utf8_lower(pc.utf8_trim_whitespace(self._plain_text(name))).fill_null("0").to_numpy()
        yes, no = np.isin(words, TRUE), np.isin(words, (*FALSE, *map(str.lower, MISSING_WORDS), ""))
        self.mark(name, ~(yes | no), "is neither yes nor no; write 1 or 0 (several conversions need a row each)")
        return yes

    def times(self, name: str, *, seconds_per_unit: float | None = None) -> pa.Array:
        """A column of times: days as numbers, or timestamps; all rows on one clock, that of most rows.

        Numbers are days, or all of them seconds, milliseconds or microseconds since 1970 (told by their size, in UTC). Text
        is a number of days, or a date or datetime: ISO 8601, 31.1.2026, 1/31/2026 (refused where no row tells day from
        month), 20260131, 2026013123 (hour 23), Jan 31, 2026. Datetimes with different offsets are one clock (UTC); with and
        without an offset are two, and the rows of the rarer break a rule; dates without time of day fit either.

        Args:
            name: the column.
            seconds_per_unit: for numbers that are no days: how many seconds one is; they become days.
        """
        column = self.column(name)
        if seconds_per_unit is None and (hours := _hours(column)) is not None:
            self.mark(name, hours[1], "is not an hour (YYYYMMDDHH) where most rows are")
            return hours[0]
        if seconds_per_unit is None and (since_1970 := _since_1970(column)) is not None:
            return since_1970
        if _is_number(column.type) or seconds_per_unit is not None:
            days = self.numbers(name, empty=None, negative=True) * (seconds_per_unit or 86_400.0) / 86_400.0
            self.mark(name, np.abs(days) > MOST_DAYS, "is too large for days; give a date and time")
            return pa.array(days)
        empty = pc.is_null(column).to_numpy()
        self.mark(name, empty, "is empty; every row needs its time")
        if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
            zone = getattr(column.type, "tz", None)
            found = column.cast(pa.timestamp("us", tz=zone), safe=False)
            found = found.fill_null(pa.scalar(0, pa.int64()).cast(found.type)).combine_chunks()
            found = found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
            midnight = np.asarray(found.cast(pa.int64()).to_numpy() % 86_400_000_000 == 0)
            self.without_hour[name] = np.full(len(midnight), bool(midnight.all()) or pa.types.is_date(column.type))
            return found
        return self._times_of_text(name, empty)

    def _times_of_text(self, name: str, empty: Bools) -> pa.Array:
        column = pc.utf8_trim_whitespace(self._plain_text(name))
        if (plain := moments.plain_instants(column)) is not None:
            midnight = pc.fill_null(plain.cast(pa.int64()), 0).to_numpy() % 86_400_000_000 == 0
            dated = pc.match_substring_regex(column, moments.DATE_ONLY).fill_null(False).to_numpy()
            self.without_hour[name] = midnight if bool(midnight.all()) else dated
            return plain.fill_null(pa.scalar(0, pa.int64()).cast(plain.type))
        days = _cast(column)
        if days is None:
            days = _coerced(column)
        is_days = np.abs(days) <= MOST_DAYS
        if is_days.all():
            return pa.array(days)
        texts = column.to_pandas()
        day_first, two_way = self.loaded.options.day_first, False
        try:
            if pc.any(pc.match_substring_regex(column, r"^\d{1,2}[./-]")).as_py():
                texts_held = [text for text in pc.unique(column).to_pylist() if text]
                leads = moments.days_lead(texts_held)
                day_first = leads if day_first is None else day_first
                if day_first is not None and any(map(moments.is_two_ways, texts_held)):
                    self.notes.append(
                        f"{self.place}.{name}: dates begin with the {'day' if day_first else 'month'} (--dates)"
                    )
                two_way = True
        except ValueError:
            self.mark(name, texts.str.match(moments.NUMBERED).fillna(False).to_numpy(bool), MIXED_DATES)
        found = moments.moments(texts.mask(is_days), day_first)
        is_moment = found.notna().to_numpy()
        if day_first is None and two_way:
            two_ways = texts.map(lambda text: isinstance(text, str) and moments.is_two_ways(text)).to_numpy(bool)
            self.mark(name, two_ways, AMBIGUOUS_DATE)
            is_moment = is_moment | two_ways
        self.mark(name, ~(empty | is_days | is_moment), "is not a time; give days, or a date like 2026-03-31")
        dated = is_moment & pc.match_substring_regex(column, moments.DATE_ONLY).fill_null(False).to_numpy()
        has_zone = pc.match_substring_regex(column, moments.ZONE).fill_null(False).to_numpy()
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
        micros = moments.in_micros(found)
        midnight = micros % 86_400_000_000 == 0
        self.without_hour[name] = midnight if bool(midnight.all()) else dated
        return pa.array(micros).cast(pa.timestamp("us", tz="UTC" if clock == "zoned" else None))

    def leave_out_totals(
        self, names: Sequence[str], amounts: Sequence[str], *, nameless_counts: bool = False, only_named: bool = False
    ) -> None:
        """Leave out rows that sum up others: a name such as "Total: Campaigns" or "Grand total", or no name at all.

        Such a row's amounts must be the sums of the others, or its name must say what is summed ("Total: Account"); else it
        could be a name, and is refused with both meanings. A row without any name whose amounts are not the sums is left to
        the rules of its columns.

        Args:
            names: the columns that name things.
            amounts: the columns of amounts, read already or not.
            nameless_counts: whether a row without a name could be one of its own, so that it is refused where it is the sum.
            only_named: whether rows without a name are none of this one's business.
        """
        if self._is_parquet_like or not names or not amounts:
            return
        held = b"".join(
            bytes(b) for name in names for chunk in self.column(name).chunks if (b := chunk.buffers()[2])
        ).lower()
        if not any(word.encode() in held for word in TOTAL_WORDS) and not all(
            self.column(name).null_count for name in names
        ):
            return
        texts = [pc.utf8_trim_whitespace(self._plain_text(name)).fill_null("") for name in names]
        called = np.zeros(len(self), dtype=np.bool_)
        for column in texts:
            called |= pc.match_substring_regex(column, TOTAL.pattern, ignore_case=True).to_numpy()
        nameless = np.logical_and.reduce([pc.equal(column, "").to_numpy() & (not only_named) for column in texts])
        if not (called | nameless).any() or (called | nameless).all():
            return
        sums = np.ones(len(self), dtype=np.bool_)
        trial = CheckedColumns(self.place, self.loaded)
        for name in amounts:
            number = trial.numbers(name, negative=True)
            whole = number[~(called | nameless)].sum()
            slack = 1e-6 + 0.005 * np.sqrt(len(number)) * (whole != np.rint(whole)) + 1e-9 * abs(whole)
            together = abs(number[called].sum() - whole) <= slack  # a total per day, or per channel
            sums &= (np.abs(number - whole) <= slack) | (together & called)
        sums &= np.count_nonzero(~(called | nameless)) > 0
        said = np.logical_or.reduce([pc.match_substring_regex(c, SUMS_UP, ignore_case=True).to_numpy() for c in texts])
        total = (called & (sums | said)) | (nameless & sums & (not nameless_counts))
        self.mark(names[0], (called & ~total) | (nameless & sums & ~total), AMBIGUOUS_TOTAL)
        self.leave_out(total, "totals")

    def kept(self, rows: Bools | None = None) -> NDArray[np.int64]:
        """The rows that broke no rule, of these rows."""
        return np.flatnonzero(~self.bad if rows is None else ~self.bad & rows)

    def report(self, notes: Sequence[str] = (), currencies: Sequence[tuple[str, str]] = ()) -> ReadReport:
        """What became of the rows."""
        lost = sum(defect.rows for defect in self.defects if defect.place == self.place)
        rows = len(self) + lost + sum(rows for what, rows in self.left_out if what != "blank lines")
        dropped = int(np.count_nonzero(self.bad)) + lost
        return ReadReport(
            rows=rows,
            dropped=dropped,
            files=((self.place, rows, dropped),),
            defects=tuple(self.defects),
            left_out=tuple(self.left_out),
            notes=(*self.notes, *notes),
            currencies=tuple(currencies),
        )

    def _plain_text(self, name: str) -> pa.ChunkedArray:
        column = self.column(name)
        return (column if _is_text(column.type) else column.cast(pa.string())).cast(pa.large_string())


def _hours(column: pa.ChunkedArray) -> tuple[pa.Array, Bools] | None:
    """Times of whole numbers such as 2026030110, an hour (YYYYMMDDHH), and which are none; None if most are something else.

    Read as seconds since 1970 they would lie in 2033 and later.
    """
    if not (_is_text(column.type) or pa.types.is_integer(column.type)) or not len(column):
        return None
    if len(str(column[0].as_py()).strip()) != 10:
        return None
    texts = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
    held = pc.match_substring_regex(texts, r"^(19[9]|20\d|2100)\d*$").fill_null(False).to_numpy()
    held &= pc.equal(pc.utf8_length(texts), 10).fill_null(False).to_numpy()
    if not held.all():
        return None
    found = pc.strptime(pc.utf8_slice_codeunits(texts, 0, 8), "%Y%m%d", "us", error_is_null=True).combine_chunks()
    hour = pc.utf8_slice_codeunits(texts, 8, 10).cast(pa.int64()).to_numpy()
    days = found.cast(pa.int64()).fill_null(0).to_numpy()
    # strptime takes 31 February for 3 March in some C libraries
    same = pc.equal(
        pc.strftime(pa.array(days).cast(pa.timestamp("us")), "%Y%m%d"), pc.utf8_slice_codeunits(texts, 0, 8)
    )
    wrong = pc.is_null(found).to_numpy(False) | (hour > 23) | ~same.to_numpy()
    if 2 * np.count_nonzero(wrong) > len(wrong):
        return None
    return pa.array(days + hour * 3_600_000_000).cast(pa.timestamp("us")), wrong


def _since_1970(column: pa.ChunkedArray) -> pa.Array | None:
    """Instants of whole numbers that are all seconds, milli- or microseconds since 1970, from 2001 to 2065; None if not."""
    if _is_text(column.type):
        digits = pc.match_substring_regex(column, r"^1\d{9}(\d{3}){0,2}$|^2\d{9}(\d{3}){0,2}$")
        if not len(column) or not pc.all(digits.fill_null(False)).as_py():
            return None
        column = column.cast(pa.int64())
    if not pa.types.is_integer(column.type) or column.null_count or not len(column):
        return None
    low, high = (pc.min(column).as_py(), pc.max(column).as_py())
    for unit, scale in ((1, 1_000_000), (1_000, 1_000), (1_000_000, 1)):
        if 1e9 * unit <= low and high < 3e9 * unit:
            return pa.array(column.cast(pa.int64()).to_numpy() * scale).cast(pa.timestamp("us", tz="UTC"))
    return None


def _all_counts(number: Floats) -> bool:
    """Whether every number is finite and not negative, at a quick look: false if one is NaN."""
    return bool(number.min() >= 0 and number.max() < np.inf)


def _cast(column: pa.ChunkedArray) -> Floats | None:
    """Text as numbers, NaN where a cell is empty; None where some cell is no plain number."""
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False)).copy()
    except pa.ArrowInvalid:
        return None


def _coerced(column: pa.ChunkedArray) -> Floats:
    import pandas as pd

    numbers = pd.to_numeric(column.to_pandas(), errors="coerce")
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan)).copy()


def _near(name: str, known: Sequence[str]) -> bool:
    import difflib

    return bool(difflib.get_close_matches(name.casefold(), [k.casefold() for k in known], n=1, cutoff=0.85))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
