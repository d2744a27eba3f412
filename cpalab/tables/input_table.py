"""`InputTable`: one file or data frame, its columns known before anything is read; text keeps line numbers."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cpalab.column_types import column_problem, common_form
from cpalab.refusal import InvalidInputError, first_line
from cpalab.tables.dialect import TOTAL, Dialect, dialect_of
from cpalab.tables.exchange import Exchange
from cpalab.tables.report import Numbering
from cpalab.tables.text_files import MOST_BYTES, content_of

Kind = Literal["text", "json", "parquet", "frame"]

READ_BLOCK = 1 << 22  # bytes of text parsed at once
JSON_BLOCK = 50_000  # objects held at once
BLANKS = re.compile(r"\s*")
SHOWN = 60  # letters of what is broken
SAMPLE = 1 << 18  # bytes of text looked at to tell its layout
NEWLINE, QUOTE = 10, 34
FOOTER = re.compile(
    r"(?i)©|\(c\) |copyright\b|all rights reserved|generated (by|on|at)\b|report (generated|created|downloaded)|"
    r"exported (from|on)|"
    r"(source|note|notes|disclaimer|time ?zone):|data (as of|through|from)\b|\* "
)
NO_TEXT = Dialect(",", (), 1, 0)


@dataclass(frozen=True)
class TextOptions:
    """What a reader knows of a text file; whatever is None is told from the file itself, or refused where it cannot be.

    Attributes:
        encoding: of the bytes, "cp1252" or any other that Python knows.
        decimal: what stands before decimals.
        day_first: whether 3/4/2026 is the 3rd of April.
        missing: whether the word NA (null, None, …) in a column of names says that there is none, or is a name.
        exchange: rates by which amounts of several currencies become one.
    """

    encoding: str | None = None
    decimal: Literal[".", ","] | None = None
    day_first: bool | None = None
    missing: Literal["empty", "name"] | None = None
    exchange: Exchange | None = None


@dataclass(frozen=True)
class BadLines:
    """Lines of a text file that are no row of its table: why, their numbers, and the text of the first."""

    rule: str
    lines: tuple[int, ...]
    first: str


@dataclass(frozen=True, eq=False)
class Loaded:
    """A table as read.

    Attributes:
        table: the chosen columns; text for a text file.
        line: line of every row in its file from 1, or its place in the frame from 0 [n_rows].
        numbering: which of the two `line` is.
        bad_lines: lines that are no row at all.
        left_out: lines that are no rows and need not be, as (what they are, how many).
        notes: what a reader should know of how the file was read.
        options: what was known of the text.
    """

    table: pa.Table
    line: NDArray[np.int64]
    numbering: Numbering
    bad_lines: tuple[BadLines, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
    options: TextOptions = TextOptions(decimal=".", day_first=False)


@dataclass(frozen=True, eq=False)
class InputTable:
    """One input.

    Attributes:
        name: what refusals call it: the file's name, or the place of a data frame in the call.
        kind: how it is read.
        columns: its columns, in order.
        path: the file, or folder of Parquet files.
        frame: the data frame as Arrow; the objects of a file of JSON with their lines.
        content: the text as UTF-8.
        dialect: the layout of a text.
        options: what is known of the text.
        note: what a reader should know of how it was opened.
    """

    name: str
    kind: Kind
    columns: tuple[str, ...]
    path: Path | None = None
    frame: pa.Table | None = None
    content: pa.Buffer | None = None
    dialect: Dialect = NO_TEXT
    options: TextOptions = field(default_factory=TextOptions)
    note: str = ""

    @property
    def is_parquet(self) -> bool:
        """Whether the source is a Parquet file or a folder of them."""
        return self.kind == "parquet"

    def files(self) -> list[Path]:
        """The files of the source, in order."""
        if self.path is None:
            return []
        return sorted(self.path.glob("**/*.parquet")) if self.path.is_dir() else [self.path]

    def load(self, columns: Sequence[str] | None = None, *, nested: bool = False) -> Loaded:
        """Read these columns (all by default).

        Args:
            columns: their names.
            nested: whether cells may be lists and structures.

        Raises:
            InvalidInputError: if the file cannot be read as what it seems to be.
        """
        chosen = list(self.columns if columns is None else columns)
        try:
            if self.kind == "json":
                return self._json(chosen)
            if self.kind == "text":
                return self._text(chosen)
            table = self.frame.select(chosen) if self.frame is not None else None
            if table is None:
                table = pq.read_table(self.path, columns=chosen, partitioning=None)
            table = table if nested else self._plain(table)
            return Loaded(table, np.arange(len(table)), "row", options=self._typed)
        except (pa.ArrowException, pa.ArrowInvalid, UnicodeDecodeError, OSError) as error:
            raise InvalidInputError([f"{self.name}: cannot be read ({first_line(error)})"]) from error

    def _plain(self, table: pa.Table) -> pa.Table:
        """The same table, a column without any value as empty text; one whose cells are no plain values is refused."""
        problems = []
        for place, name in enumerate(table.column_names):
            if problem := column_problem(table[name], may_be_empty=True):
                problems.append(f"{self.name}: column {name!r} {problem}")
            elif pa.types.is_null(table[name].type):
                table = table.set_column(place, name, table[name].cast(pa.string()))
            else:
                table = table.set_column(place, name, common_form(table[name]))
        if problems:
            raise InvalidInputError(problems)
        return table

    @property
    def _typed(self) -> TextOptions:
        """The options where numbers have types, so that their text is the machine's."""
        return replace(self.options, decimal=self.options.decimal or ".")

    def _text(self, columns: list[str]) -> Loaded:
        wrong: list[tuple[int, str]] = []

        def skip(row: Any) -> str:
            wrong.append((row.number, row.text))
            return "skip"

        content = (self.content or pa.py_buffer(b"")).slice(self.dialect.start)
        starts = _starts_of_records(content)
        kinds = dict.fromkeys(self.columns, pa.string())
        table = pacsv.read_csv(
            pa.BufferReader(content),
            pacsv.ReadOptions(use_threads=False, column_names=self.columns, block_size=READ_BLOCK),
            pacsv.ParseOptions(
                delimiter=self.dialect.separator,
                ignore_empty_lines=False,
                newlines_in_values=starts is not None,
                invalid_row_handler=skip,
            ),
            pacsv.ConvertOptions(
                column_types=kinds, include_columns=columns, null_values=[""], strings_can_be_null=True
            ),
        )
        rows = len(table) + len(wrong)
        line = np.arange(rows) if starts is None or len(starts) != rows else starts
        line = line + self.dialect.line
        bad = np.array([row - 1 for row, _ in wrong], dtype=np.int64)
        totals = [text for _, text in wrong if any(map(TOTAL.match, _cells_of(text, self.dialect.separator)))]
        remarks = _footer([text for _, text in wrong if text not in totals], self.dialect.separator)
        blank = sum(not text.strip(f" {self.dialect.separator}\t\r\n") for _, text in wrong)
        lines = [
            (int(line[at]), text)
            for at, (_, text) in zip(bad, wrong, strict=True)
            if text not in (*totals, *remarks) and text.strip(f" {self.dialect.separator}\t\r\n")
        ]
        filled = _filled(table)
        return Loaded(
            table.filter(pa.array(filled)),
            np.delete(line, bad)[filled],
            "line",
            _bad_lines(f"does not have the {len(self.columns)} cells of the header", lines),
            (
                ("blank lines", int(np.count_nonzero(~filled)) + blank),
                ("totals", len(totals)),
                ("remarks below the table", len(remarks)),
            ),
            (self.note,) if self.note else (),
            self.options,
        )

    def _json(self, columns: list[str]) -> Loaded:
        """One JSON object per row; a cell that is no text, number or truth is kept as JSON text."""
        schema = pa.schema([(name, pa.string()) for name in columns])
        parts: list[pa.Table] = []
        rows: list[dict[str, str | None]] = []
        lines, broken, blank = [], [], 0
        for line, text, row in _json_rows(self.content or pa.py_buffer(b"")):
            if row is None:
                blank += not text
                broken += [(line, text)] if text else []
            else:
                rows.append({name: _cell(row.get(name)) for name in columns})
                lines.append(line)
            if len(rows) == JSON_BLOCK:
                parts.append(pa.Table.from_pylist(rows, schema))
                rows = []
        return Loaded(
            pa.concat_tables([*parts, pa.Table.from_pylist(rows, schema)]),
            np.array(lines, dtype=np.int64),
            "line",
            _bad_lines("is not one JSON object", broken),
            (("blank lines", blank),),
            options=self._typed,
        )


def open_table(
    given: Any,
    *,
    place: str = "table",
    most_bytes: int = MOST_BYTES,
    known: Collection[str] = (),
    options: TextOptions | None = None,
) -> InputTable:
    """Look at a file or data frame far enough to know its columns.

    Args:
        given: a path of a file (Parquet, JSON lines, one JSON array, or delimited text, also compressed), of a folder of
            Parquet files, or a data frame (any that narwhals knows), an Arrow table or a mapping of columns.
        place: what refusals call a data frame.
        most_bytes: text larger than this, compressed text larger than a tenth of it when unfolded, is refused, because it is
            read into memory.
        known: plain names of columns that help to find the header of a text (see `cpalab.tables.dialect`).
        options: what is known of a text.

    Raises:
        InvalidInputError: if there is no such file, it is empty, too large or no table.
    """
    options = options or TextOptions()
    if not isinstance(given, str | Path):
        problems: list[str] = []
        table = arrow_table(given, place, problems)
        if problems:
            raise InvalidInputError(problems)
        return InputTable(place, "frame", tuple(table.column_names), frame=table, options=options)
    path = Path(given)
    if not path.exists():
        raise InvalidInputError([f"{path}: does not exist; check the name and the folder"])
    if (path / "events").is_dir():
        path = path / "events"  # a simulated world: its log is one of several tables
    if path.is_dir() or path.suffix.casefold() in (".parquet", ".pq"):
        return _open_parquet(path, options)
    content, note = content_of(path, most_bytes, options.encoding)
    start = content[: 1 << 12].to_pybytes().lstrip()
    if start.startswith((b"{", b"[")) or ".json" in path.name.casefold():
        return _open_json(path, content, options)
    return _open_text(path, content, note, known, options)


def arrow_table(frame: Any, place: str, problems: list[str]) -> pa.Table:
    """Any data frame narwhals knows, an Arrow table or a mapping of columns as an Arrow table."""
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    if isinstance(frame, Mapping):
        return pa.table(dict(frame))
    import narwhals as nw

    try:
        known = nw.from_native(frame)
    except TypeError:
        problems.append(f"{place}: {type(frame).__name__} is not a table; give a data frame or an Arrow table")
        return pa.table({})
    return (known.collect() if isinstance(known, nw.LazyFrame) else known).to_arrow()


def _open_parquet(path: Path, options: TextOptions) -> InputTable:
    files = sorted(path.glob("**/*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InvalidInputError([f"{path}: holds no Parquet file; give a file, or a folder of *.parquet"])
    try:
        schema = pq.read_schema(files[0])
        rows = sum(pq.read_metadata(file).num_rows for file in files)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInputError([f"{path.name}: is not a Parquet file ({first_line(error)})"]) from error
    if rows == 0:
        raise InvalidInputError([f"{path.name}: holds no rows; export it again"])
    return InputTable(path.name, "parquet", tuple(schema.names), path=path, options=options)


def _open_text(path: Path, content: pa.Buffer, note: str, known: Collection[str], options: TextOptions) -> InputTable:
    raw = content[:SAMPLE].to_pybytes()
    if len(raw) < len(content):
        raw = raw[: raw.rfind(b"\n") + 1] or raw
    dialect = dialect_of(raw.decode(errors="ignore"), known)
    if dialect is None:
        raise InvalidInputError([f"{path.name}: is empty; export it again"])
    if dialect.headers > 1:
        raise InvalidInputError(
            [f"{path.name}: holds {dialect.headers} tables one below the other; keep the one you mean"]
        )
    if not content[dialect.start :].to_pybytes()[:SAMPLE].strip():
        raise InvalidInputError([f"{path.name}: holds a header and no rows; export it again"])
    columns = dialect.columns
    above = [
        line for line in raw[: dialect.start].decode(errors="ignore").splitlines()[:-1] if not line.startswith("#")
    ]
    if sum(len(_cells_of(line, dialect.separator)) >= min(2, len(columns)) for line in above) > 1:
        told = f"{path.name}: the header is line {dialect.line - 1}; the lines above it were not read"
        note = "; ".join(filter(None, [note, told]))
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InvalidInputError([f"{path.name}: the header names {', '.join(map(repr, twice))} more than once"])
    return InputTable(path.name, "text", columns, path, None, content, dialect, options, note)


def _open_json(path: Path, content: pa.Buffer, options: TextOptions) -> InputTable:
    columns: dict[str, None] = {}
    for seen, (_, _, row) in enumerate(_json_rows(content)):
        columns |= dict.fromkeys(row or {})
        if seen > 1_000:
            break
    if not columns:
        raise InvalidInputError([f"{path.name}: holds no JSON object per line; export it as JSON lines"])
    return InputTable(path.name, "json", tuple(columns), path, content=content, options=options)


def _json_rows(content: pa.Buffer) -> Iterator[tuple[int, str, dict[str, Any] | None]]:
    """The line, text and object of every line; of one array, the number and object of every element."""
    if content[: 1 << 12].to_pybytes().lstrip().startswith(b"["):
        for number, row in enumerate(_elements(content), 1):
            yield (number, "", _flat(row)) if isinstance(row, dict) else (number, str(row)[:SHOWN], None)
        return
    with io.BufferedReader(pa.BufferReader(content)) as stream:
        for line, raw in enumerate(stream, 1):
            text = raw.decode("utf-8").strip()
            yield line, text, _json_object(text) if text else None


def _elements(content: pa.Buffer) -> Iterator[Any]:
    """The elements of a JSON array one by one; where it is broken, the text from there, cut short, as the last."""
    text, read = str(memoryview(content), "utf-8"), json.JSONDecoder().raw_decode

    def behind_blanks(at: int) -> int:
        found = BLANKS.match(text, at)
        return at if found is None else found.end()

    at = behind_blanks(text.index("[") + 1)
    while text[at : at + 1] != "]":
        start = at
        try:
            row, at = read(text, at)
        except (ValueError, RecursionError):  # no JSON, or brackets in brackets without end
            yield text[start : start + SHOWN]
            return
        yield row
        at = behind_blanks(at)
        if text[at : at + 1] == ",":
            at = behind_blanks(at + 1)
        elif text[at : at + 1] != "]":
            yield text[at : at + SHOWN]
            return
    if rest := text[at + 1 : at + SHOWN].strip():
        yield rest


def _starts_of_records(content: pa.Buffer) -> NDArray[np.int64] | None:
    """The line of every record, from 0, where some quoted cell holds a line break; None where none does."""
    data = np.frombuffer(content, dtype=np.uint8)
    if not (data == QUOTE).any():
        return None
    inside, ends, line = 0, [], 0
    broken = False
    for at in range(0, len(data), READ_BLOCK):
        block = data[at : at + READ_BLOCK]
        breaks = np.flatnonzero(block == NEWLINE)
        quotes = np.flatnonzero(block == QUOTE)
        open_at = (np.searchsorted(quotes, breaks) + inside) % 2 == 1
        broken |= bool(open_at.any())
        ends.append(line + np.flatnonzero(~open_at) + 1)
        line, inside = line + len(breaks), (inside + len(quotes)) % 2
    if not broken:
        return None
    starts = np.concatenate([[0], *ends])
    return starts[:-1] if len(data) and data[-1] == NEWLINE else starts


def _filled(table: pa.Table) -> NDArray[np.bool_]:
    """Whether each row has at least one cell that is not empty."""
    filled = np.zeros(len(table), dtype=np.bool_)
    for column in table.columns:
        filled |= pc.is_valid(column).to_numpy()
        if filled.all():
            break
    return filled


def _footer(below: Sequence[str], separator: str) -> list[str]:
    """The lines that say who made a report and when: a sentence alone in its line, behind every row."""
    return [text for text in below if FOOTER.match(text.strip().strip('"')) and len(_cells_of(text, separator)) < 3]


def _cells_of(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=separator), [])
    except csv.Error:
        return [text]


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        row = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    return _flat(row) if isinstance(row, dict) else None


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """The object with what Mixpanel, PostHog and Segment nest: `properties` as they are, `context` by names joined with _."""
    inner = row.get("properties")
    if isinstance(inner, dict):
        row = {**inner, **{name: value for name, value in row.items() if name != "properties"}}
    if isinstance(row.get("context"), dict):
        row = row | _joined(row.pop("context"), "context")
    return row


def _joined(inner: dict[str, Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in inner.items():
        found |= _joined(value, f"{prefix}_{name}") if isinstance(value, dict) else {f"{prefix}_{name}": value}
    return found


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value)


def _bad_lines(rule: str, found: list[tuple[int, str]]) -> tuple[BadLines, ...]:
    return (BadLines(rule, tuple(line for line, _ in found), found[0][1][:SHOWN]),) if found else ()
