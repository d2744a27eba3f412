"""How a text file lays out its table: what separates cells, which line is the header, and where the rows start."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

SEPARATORS = (",", "\t", ";", "|")
SAMPLE_ROWS = 400
SUMS_UP = r"^(sub)?totals?\s*([:\-–]|of \d)"  # says so without being one of the words
# The sums of other rows, as exports call them; a row so called whose amounts are not the sums is refused.
TOTAL = re.compile(
    r"^\W*((grand|account|campaign|overall|all) )?(sub)?(totals?|totale|totaal|suma|somme|sum|summary|overall|gesamt(summe"
    r"|ergebnis)?|insgesamt|summe|итого|всего|合計|总计)( general| général| generale| \(\d+\)|, \d+ rows)?\W*$"
    rf"|{SUMS_UP}|^\W*(average|avg)\W*$|^results from \d+ |^\W*all (channels|campaigns|rows)\W*$",
    re.IGNORECASE,
)
# A code behind a name says the currency of its amounts: revenue_eur.
CODES = (
    "usd",
    "eur",
    "gbp",
    "cad",
    "aud",
    "nzd",
    "chf",
    "sek",
    "nok",
    "dkk",
    "pln",
    "czk",
    "jpy",
    "cny",
    "inr",
    "brl",
    "mxn",
    "sgd",
    "hkd",
)
IN_CURRENCY = re.compile(rf"(.*\w) (?:in )?({'|'.join(CODES)})")
UNIT = re.compile(r"\s*[(\[][^)\]]*[)\]]\s*$")


@dataclass(frozen=True)
class Dialect:
    """The layout of a text file.

    Attributes:
        separator: what stands between two cells.
        columns: the cells of the header.
        line: the number of the line behind the header, from 1: that of the first row.
        start: where that line starts, in bytes of UTF-8.
        headers: how many lines of the first hundreds could be the header of a table that the reader knows.
    """

    separator: str
    columns: tuple[str, ...]
    line: int
    start: int
    headers: int = 1


@lru_cache(maxsize=20_000)
def plain_name(name: str) -> str:
    """A column's name without case, marks, and a unit in brackets: "Amount spent (USD)" is "amount spent".

    Words that only capitals tell apart are words: "eventName" is "event name", "eventID" "event id".
    """
    plain = _words(UNIT.sub("", name) or name)
    in_currency = IN_CURRENCY.fullmatch(plain)
    return in_currency[1] if in_currency else plain


def currency_in(name: str) -> str:
    """The code or sign of the currency that a column's name says, in brackets or behind it; empty where it says none."""
    unit = name.rpartition("(")[2].rstrip(") ").upper() if "(" in name else ""
    if len(unit) == 3 or (unit and not unit.isalnum() and len(unit) < 4):
        return unit
    in_currency = IN_CURRENCY.fullmatch(_words(name))
    return in_currency[2].upper() if in_currency else ""


def _words(name: str) -> str:
    return re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold()).strip()


def dialect_of(sample: str, known: Collection[str] = ()) -> Dialect | None:
    """The layout that explains most of a sample; None if it has no line with a cell.

    For every separator the header is the line with most names in `known`; without any, the first line as wide as most
    lines are, whose cells are neither empty nor numbers. Titles, date ranges and comments (#) before it are no rows.

    Args:
        sample: the first lines of the file, whole.
        known: plain names of columns (see `plain_name`) that the reader has a use for.
    """
    lines = list(io.StringIO(sample, newline=""))
    best: tuple[tuple[float, ...], Dialect] | None = None
    for separator in SEPARATORS:
        rows = _rows(lines, separator)
        if not rows:
            return None
        score, found = _header(rows, separator, known)
        start = len("".join(lines[: found.line - 1]).encode())
        found = Dialect(separator, found.columns, found.line, start, found.headers)
        if best is None or score > best[0]:
            best = score, found
    return None if best is None else best[1]


def _rows(lines: Sequence[str], separator: str) -> list[tuple[int, list[str]]]:
    """The cells of the first rows, each with the number of the line behind it."""
    reader = csv.reader(lines, delimiter=separator)
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num + 1, row))
            if len(rows) == SAMPLE_ROWS:
                break
    except csv.Error:
        pass  # a cell beyond all measure: what was read so far decides
    return rows


def _header(
    rows: Sequence[tuple[int, list[str]]], separator: str, known: Collection[str]
) -> tuple[tuple[float, ...], Dialect]:
    plain = [(line, row) for line, row in rows if not row[0].lstrip().startswith("#")] or list(rows[:1])
    hits = [sum(plain_name(cell) in known for cell in row) for _, row in plain]
    width = Counter(len(row) for _, row in plain).most_common(1)[0][0]
    most = max(hits[:100])
    if most >= min(2, width):
        place = hits.index(most)
    else:
        like = (k for k, (_, row) in enumerate(plain) if len(row) == width and _names(row))
        place = next(like, 0)
    line, header = plain[place]
    behind = [row for _, row in plain[place + 1 :]]
    alike = sum(len(row) == len(header) for row in behind) / max(len(behind), 1)
    several = len(header) > 1 and (alike >= 0.5 or not behind)
    again = sum(hit >= max(2, most) and len(row) != len(header) for hit, (_, row) in zip(hits, plain, strict=True))
    names = tuple(cell.strip().lstrip("\ufeff") or f"column {k}" for k, cell in enumerate(header, 1))
    return (float(most), float(several), alike, float(len(header))), Dialect(separator, names, line, 0, 1 + again)


def _names(row: Sequence[str]) -> bool:
    filled = [cell for cell in row if cell.strip()]
    words = [cell for cell in filled if not re.fullmatch(r"[\d\s.,:/%$€£+-]*", cell)]
    return len(filled) >= max(1, len(row) // 2) and len(words) == len(filled)
