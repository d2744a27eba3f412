"""`InputTable`: one file or data frame, its columns known before anything is read; text keeps line numbers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from attribution.formats.report import Numbering
from attribution.paths.ragged import Bools, Ints
from attribution.paths.tables import arrow_table
from cpalab.refusal import InvalidInputError

Kind = Literal["csv", "json_lines", "parquet", "frame"]

PARQUET = (".parquet", ".pq")
JSON_LINES = (".jsonl", ".ndjson", ".json")
DELIMITERS = (",", "\t", ";")
MOST_BYTES = 2_000_000_000
EMPTY_WORDS = ["", "NULL", "null", "NA", "NaN", "nan", "None"]
READ_BLOCK = 1 << 22  # bytes of text parsed at once


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
        blank_lines: how many lines were blank.
    """

    table: pa.Table
    line: Ints
    numbering: Numbering
    bad_lines: tuple[BadLines, ...] = ()
    blank_lines: int = 0


@dataclass(frozen=True, eq=False)
class InputTable:
    """One input.

    Attributes:
        name: what refusals call it: the file's name, or the place of a data frame in the call.
        kind: how it is read.
        columns: its columns, in order.
        path: the file, or folder of Parquet files.
        frame: the data frame as Arrow.
        delimiter: of a delimited text file.
        preamble: lines before the header: comments that begin with #, and blank lines.
    """

    name: str
    kind: Kind
    columns: tuple[str, ...]
    path: Path | None = None
    frame: pa.Table | None = None
    delimiter: str = ","
    preamble: int = 0

    @property
    def is_parquet(self) -> bool:
        """Whether the source is a Parquet file or a folder of them."""
        return self.kind == "parquet"

    def files(self) -> list[Path]:
        """The files of the source, in order."""
        if self.path is None:
            return []
        return sorted(self.path.glob("**/*.parquet")) if self.path.is_dir() else [self.path]

    def load(self, columns: Sequence[str] | None = None) -> Loaded:
        """Read these columns (all by default).

        Raises:
            InvalidInputError: if the file cannot be read as what it seems to be.
        """
        chosen = list(self.columns if columns is None else columns)
        if self.frame is not None:
            table = self.frame.select(chosen)
            return Loaded(table, np.arange(len(table)), "row")
        try:
            if self.kind == "parquet":
                table = pq.read_table(self.path, columns=chosen, partitioning=None)
                return Loaded(table, np.arange(len(table)), "row")
            return self._json_lines(chosen) if self.kind == "json_lines" else self._csv(chosen)
        except (pa.ArrowInvalid, UnicodeDecodeError, OSError) as error:
            raise InvalidInputError([f"{self.name}: cannot be read ({_first_line(error)})"]) from error

    def _csv(self, columns: list[str]) -> Loaded:
        wrong: list[tuple[int, str]] = []

        def skip(row: Any) -> str:
            wrong.append((row.number, row.text))
            return "skip"

        with pa.input_stream(str(self.path), compression="detect") as stream:
            table = pacsv.read_csv(
                stream,
                pacsv.ReadOptions(
                    use_threads=False,
                    column_names=self.columns,
                    skip_rows=self.preamble + 1,
                    block_size=READ_BLOCK,
                ),
                pacsv.ParseOptions(delimiter=self.delimiter, ignore_empty_lines=False, invalid_row_handler=skip),
                pacsv.ConvertOptions(
                    column_types=dict.fromkeys(self.columns, pa.string()),
                    include_columns=columns,
                    null_values=EMPTY_WORDS,
                    strings_can_be_null=True,
                ),
            )
        first = self.preamble + 2
        bad = np.array([row for row, _ in wrong], dtype=np.int64)
        line = np.delete(np.arange(first, first + len(table) + len(wrong)), bad - first)
        filled = _filled(table)
        return Loaded(
            table.filter(pa.array(filled)),
            line[filled],
            "line",
            _bad_lines(f"does not have the {len(self.columns)} cells of the header", wrong),
            int(np.count_nonzero(~filled)),
        )

    def _json_lines(self, columns: list[str]) -> Loaded:
        """Read one JSON object per line; a cell that is no text, number or truth is kept as JSON text."""
        rows, lines, broken, blank = [], [], [], 0
        with _text(self.path) as stream:
            for line, raw in enumerate(stream, 1):
                text = raw.decode("utf-8").strip()
                if not text:
                    blank += 1
                    continue
                row = _json_object(text)
                if row is None:
                    broken.append((line, text))
                    continue
                rows.append(row)
                lines.append(line)
        cells = {name: pa.array([_cell(row.get(name)) for row in rows], pa.string()) for name in columns}
        table = pa.table(cells) if columns else pa.table({})
        return Loaded(
            table,
            np.array(lines, dtype=np.int64),
            "line",
            _bad_lines("is not one JSON object", broken),
            blank,
        )


def open_table(given: Any, *, place: str = "data", most_bytes: int = MOST_BYTES) -> InputTable:
    """Look at a file, a folder of Parquet files, or a data frame, and read its columns only.

    Args:
        given: a path, any data frame narwhals knows, an Arrow table, or a mapping of columns.
        place: what to call a data frame in refusals.
        most_bytes: text files larger than this are refused, since they are read into memory.

    Raises:
        InvalidInputError: if it does not exist, is empty or too large, or has no usable header.
    """
    if not isinstance(given, str | Path):
        problems: list[str] = []
        table = arrow_table(given, place, problems)
        if problems:
            raise InvalidInputError(problems)
        return InputTable(place, "frame", tuple(table.column_names), frame=table)
    path = Path(given)
    if not path.exists():
        raise InvalidInputError([f"{path}: does not exist; check the name and the folder"])
    if (path / "events").is_dir():
        path = path / "events"  # a simulated world: its log is one of several tables
    if path.is_dir() or path.suffix.casefold() in PARQUET:
        return _open_parquet(path)
    size = path.stat().st_size
    if size > most_bytes:
        raise InvalidInputError(
            [
                f"{path.name}: {size / 1e9:.1f} GB is more than the {most_bytes / 1e9:g} GB of text that is "
                "read into memory; convert it to Parquet sorted by user, which streams (--stream)"
            ]
        )
    suffixes = [suffix.casefold() for suffix in path.suffixes if suffix.casefold() not in (".gz", ".bz2")]
    try:
        return _open_json_lines(path) if suffixes[-1:] and suffixes[-1] in JSON_LINES else _open_csv(path)
    except (UnicodeDecodeError, pa.ArrowInvalid, OSError) as error:
        raise InvalidInputError([f"{path.name}: is not UTF-8 text ({_first_line(error)}); save it as UTF-8"]) from error


def _open_parquet(path: Path) -> InputTable:
    files = sorted(path.glob("**/*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InvalidInputError([f"{path}: holds no Parquet file; give a file, or a folder of *.parquet"])
    try:
        schema = pq.read_schema(files[0])
        rows = sum(pq.read_metadata(file).num_rows for file in files)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInputError([f"{path.name}: is not a Parquet file ({_first_line(error)})"]) from error
    if rows == 0:
        raise InvalidInputError([f"{path.name}: holds no rows; export it again"])
    return InputTable(path.name, "parquet", tuple(schema.names), path=path)


def _open_csv(path: Path) -> InputTable:
    preamble = 0
    header = ""
    with _text(path) as stream:
        for raw in stream:
            header = raw.decode("utf-8-sig").rstrip("\r\n")
            if header.strip() and not header.startswith("#"):
                break
            preamble += 1
            header = ""
        second = next(stream, b"")
    if not header:
        raise InvalidInputError([f"{path.name}: is empty; export it again"])
    if not second:
        raise InvalidInputError([f"{path.name}: holds a header and no rows; export it again"])
    delimiter = max(DELIMITERS, key=header.count)
    columns = tuple(cell.strip() for cell in next(csv.reader([header], delimiter=delimiter)))
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InvalidInputError([f"{path.name}: the header names {', '.join(map(repr, twice))} more than once"])
    return InputTable(path.name, "csv", columns, path=path, delimiter=delimiter, preamble=preamble)


def _open_json_lines(path: Path) -> InputTable:
    columns: dict[str, None] = {}
    with _text(path) as stream:
        for seen, raw in enumerate(stream):
            columns |= dict.fromkeys(_json_object(raw.decode("utf-8").strip()) or {})
            if seen > 1_000:
                break
    if not columns:
        raise InvalidInputError([f"{path.name}: holds no JSON object per line; export it as JSON lines"])
    return InputTable(path.name, "json_lines", tuple(columns), path=path)


def _filled(table: pa.Table) -> Bools:
    """Whether each row has at least one cell that is not empty."""
    filled = np.zeros(len(table), dtype=np.bool_)
    for column in table.columns:
        filled |= pc.is_valid(column).to_numpy()
        if filled.all():
            break
    return filled


def _text(path: Path | None) -> io.BufferedReader:
    """Open a text file, compressed or not, line by line."""
    return io.BufferedReader(pa.input_stream(str(path), compression="detect"))


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        row = json.loads(text)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value)


def _bad_lines(rule: str, found: list[tuple[int, str]]) -> tuple[BadLines, ...]:
    return (BadLines(rule, tuple(line for line, _ in found), found[0][1][:60]),) if found else ()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
