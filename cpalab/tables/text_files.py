"""The content of a text file as UTF-8 bytes, whatever its compression and encoding; never more bytes than allowed."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from cpalab.refusal import InvalidInputError

MOST_BYTES = 2_000_000_000
# A reader holds about nine times a text in memory. Of a plain file its owner sees the size; a compressed one may unfold to
# less, so that reading it stays below 2 GB.
UNFOLDED_SHARE = 10
BYTES_PER_LINE = 10  # a row's own numbers take as much memory as so many of its letters
CHUNK = 1 << 22
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
TABLES = (".csv", ".tsv", ".txt", ".tab", ".json", ".jsonl", ".ndjson")


def content_of(path: Path, most_bytes: int = MOST_BYTES, encoding: str | None = None) -> tuple[pa.Buffer, str]:
    """The file's text as UTF-8, and what a reader should know of how it was read (empty where there is nothing).

    Compressed files (gzip, bzip2, zstd, and zip with one table in it, and workbooks, which become text separated by commas)
    are unfolded up to a tenth of `most_bytes`. Without `encoding`, a byte order mark decides, then UTF-8 where the bytes are
    that, then UTF-16 where every other byte is 0, and at last Windows-1252.

    Raises:
        InvalidInputError: if the file is larger than that, or its bytes are no text.
    """
    data = _unfolded(path, most_bytes)
    if encoding is None:
        encoding = next((name for mark, name in MARKS if data[:4].to_pybytes().startswith(mark)), None)
        if encoding == "utf-8":
            data = data.slice(3)
    if encoding is None and _is_utf16(data[:2000].to_pybytes()):
        encoding = "utf-16-le" if data[1:2].to_pybytes() == b"\0" else "utf-16-be"
    if encoding in (None, "utf-8") and _is_utf8(data):
        return data, ""
    guessed = encoding is None
    try:
        text = codecs.decode(data.to_pybytes(), encoding or "cp1252")
    except (UnicodeDecodeError, LookupError) as error:
        hint = f"cannot be read as {encoding or 'UTF-8 or Windows-1252'} ({str(error)[:80]})"
        raise InvalidInputError([f"{path.name}: {hint}; save it as UTF-8, or say which it is (--encoding)"]) from error
    said = f"{path.name}: is not UTF-8 and was read as Windows-1252; --encoding names another" if guessed else ""
    return pa.py_buffer(text.encode()), said


def _unfolded(path: Path, most_bytes: int) -> pa.Buffer:
    size = path.stat().st_size
    if size > most_bytes:
        _refuse_size(path, size, most_bytes)
    with path.open("rb") as file:
        magic = file.read(8)
    unfolded = most_bytes // UNFOLDED_SHARE
    if magic.startswith(b"PK\x03\x04"):
        return _of_archive(path, unfolded)
    if magic.startswith((b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise InvalidInputError([f"{path.name}: is an old Excel workbook or no table; save the sheet as CSV"])
    codec = next((name for mark, name in COMPRESSED.items() if magic.startswith(mark)), None)
    if codec is None:
        return pa.memory_map(str(path)).read_buffer() if size else pa.py_buffer(b"")
    if codec == "gzip" and (told := _size_in_gzip(path)) > unfolded:
        _refuse_unfolded(path, told, unfolded)
    try:
        with pa.CompressedInputStream(pa.OSFile(str(path)), codec) as stream:
            return _at_most(stream, path, unfolded)
    except (pa.ArrowException, OSError) as error:
        raise InvalidInputError(
            [f"{path.name}: is a broken {codec} file ({str(error)[:80]}); copy it again"]
        ) from error


def _at_most(stream: IO[bytes] | Any, path: Path, most_bytes: int) -> pa.Buffer:
    """All bytes of a stream, read piece by piece so that a bomb is not unfolded."""
    content, lines = pa.BufferOutputStream(), 0
    while piece := stream.read(CHUNK):
        content.write(piece)
        lines += piece.count(b"\n")
        if content.tell() + BYTES_PER_LINE * lines > most_bytes:
            _refuse_unfolded(path, content.tell(), most_bytes, lines)
    return content.getvalue()


def _refuse_size(path: Path, size: int, most_bytes: int) -> None:
    raise InvalidInputError(
        [
            f"{path.name}: {size / 1e9:.1f} GB is more than the {most_bytes / 1e9:g} GB of text that is "
            "read into memory; convert it to Parquet sorted by user, which streams (--stream)"
        ]
    )


def _refuse_unfolded(path: Path, size: int, most_bytes: int, lines: int = 0) -> None:
    held = f" with {lines:,} lines" if lines else ""
    most = f"{most_bytes / 1e6:,.0f} MB of compressed text ({BYTES_PER_LINE} bytes more a line) are read"
    hint = "unpack it if you trust it (plain text takes nine times its size in memory), or convert it to Parquet"
    raise InvalidInputError([f"{path.name}: unfolds to {size / 1e6:,.0f} MB{held} or more; at most {most}; {hint}"])


def _size_in_gzip(path: Path) -> int:
    """The bytes that a gzip file says its last part unfolds to, modulo 2^32."""
    with path.open("rb") as file:
        file.seek(-4, io.SEEK_END)
        return int.from_bytes(file.read(4), "little")


def _of_archive(path: Path, most_bytes: int) -> pa.Buffer:
    """The one table in a zip archive, or the one sheet with cells of a workbook, which is an archive too."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [item for item in archive.infolist() if not item.is_dir() and "__MACOSX" not in item.filename]
            whole = sum(item.file_size for item in inside)
            if any(item.filename.startswith("xl/") for item in inside):
                if whole > most_bytes:
                    _refuse_unfolded(path, whole, most_bytes)
                return pa.py_buffer(_of_workbook(path))
            tables = [item for item in inside if item.filename.lower().endswith(TABLES)]
            if len(tables) != 1:
                names = ", ".join(item.filename for item in inside[:8]) or "nothing"
                raise InvalidInputError(
                    [f"{path.name}: holds {names}, not one table as text; unpack it and give the tables you mean"]
                )
            if tables[0].file_size > most_bytes:
                _refuse_unfolded(path, tables[0].file_size, most_bytes)
            with archive.open(tables[0]) as stream:
                return _at_most(stream, path, most_bytes)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise InvalidInputError([f"{path.name}: is a broken or locked archive ({error}); unpack it first"]) from error


def _of_workbook(path: Path) -> bytes:
    try:
        import openpyxl
    except ImportError:
        raise InvalidInputError(
            [f"{path.name}: is an Excel workbook; save the sheet as CSV, or pip install 'cpalab[excel]' to read it"]
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # whatever the library raises for a broken workbook
        raise InvalidInputError([f"{path.name}: cannot be read as an Excel workbook ({error}); save as CSV"]) from error
    filled = [sheet for sheet in book.worksheets if any(any(c is not None for c in row) for row in _cells(sheet))]
    if len(filled) != 1:
        names = ", ".join(repr(sheet.title) for sheet in filled) or "none"
        raise InvalidInputError([f"{path.name}: sheets with cells: {names}; keep the one you mean, or save it as CSV"])
    text = io.StringIO()
    writer = csv.writer(text)
    for row in _cells(filled[0]):
        writer.writerow([_cell(value) for value in row])
    return text.getvalue().encode()


def _cells(sheet: Any) -> Iterator[tuple[Any, ...]]:
    return iter(sheet.iter_rows(values_only=True))


def _cell(value: Any) -> str:
    """A cell of a workbook as text: a number in digits that can be read one way only, a midnight as its date."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return str(value.date()) if value == datetime(value.year, value.month, value.day) else value.isoformat(" ")
    if isinstance(value, float):
        digits = repr(value)
        return digits.removesuffix(".0") if "e" in digits or value.is_integer() else f"{digits}0"
    return str(value)


def _is_utf8(data: pa.Buffer) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(data), CHUNK):
            decoder.decode(data.slice(at, min(CHUNK, len(data) - at)))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return b"\0" not in data[:2000].to_pybytes()


def _is_utf16(start: bytes) -> bool:
    return len(start) > 3 and max(start[::2].count(0), start[1::2].count(0)) > 0.3 * len(start) / 2
