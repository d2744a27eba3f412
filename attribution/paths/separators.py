"""What stands between the channels of path texts: told from the texts, or refused where it could be two things."""

from __future__ import annotations

import ast
import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cpalab.refusal import InvalidInputError

USUAL = " > "
ARROWS = ("&gt;", ">>>", ">>", "-->", "->", "=>", *"→⟶➔➜➡⮕⇒▸►▶＞⟩", ">")
BARS = (*"»›^|•·",)  # which could stand in a name
STRONG = re.compile("|".join(map(re.escape, (*ARROWS, *BARS))))
LISTS = (", ", ",", ";", "::", " / ", "/", "\t", "\n")  # which stand between channels more often than in a name
WEAK = (*LISTS, " then ", " + ", "+", "~", "\\", " - ", "_", ":", "-", ".", "&")
TOKENS = tuple(
    f"{left}{word}{right}"
    for left, right in ("()", "[]")
    for word in ("start", "begin", "entrance", "entry", "conversion", "null", "convert", "converted", "exit", "end")
)
# Without brackets these are tokens where every path begins, or ends, with one.
STARTS, ENDS = ("start", "begin", "entrance"), ("conversion", "null", "converted", "no conversion")
# Any other sign between blanks, or beyond ASCII: it cuts where the pieces behave like channels.
UNKNOWN = re.compile(r"(?<=\s)[^\w\s()\[\]{}'\"]{1,3}(?=\s)|[^\w\s\x00-\xbf’“”–—…]")
# A list of names in JSON, Python or Postgres: one pair of brackets around it, others in quotes only.
LIST = re.compile(r"""\s*(\[("[^"]*"|'[^']*'|[^\[\]"'])*\]|\{("[^"]*"|[^{}"])*\}|\(\s*['"].*\))\s*""", re.DOTALL)
# "google × 2" and "google (2)": two touches in a row, as some reports write them, or a name.
REPEATED = re.compile(r"(.*[^\s(])\s*(?:[x×✕*]\s?(\d{1,3})|\(\s*[x×]?\s?(\d{1,2})\s*[x×]?\s*\))")
MAYBE_TOKEN = re.compile(rb"(?i)start|begin|entrance|conversion|converted|null| [x*] ?\d|\xc3\x97|\xe2\x9c\x95")


def cut_paths(column: Any, separator: str | None, place: str) -> tuple[Any, str, str | None]:
    """Path texts ready to be cut (lists in JSON, Python or Postgres are rows of names), the separator, and what to say of it.

    Without `separator` it is the usual " > " (blanks around names do not count) or, where no text holds it, the one of the
    known others that texts do hold. Tokens for the start and end of a journey are no channels.

    Raises:
        InvalidInputError: if the texts could be cut in two ways.
    """
    if separator is None and _is_usual(column):
        return column, ">", None
    distinct = [text for text in pc.unique(column).to_pylist() if text and text.strip()]
    if separator is not None:
        return column, separator, None
    lists = [text for text in distinct if LIST.fullmatch(text)]
    lists = [text for text in lists if not STRONG.search(re.sub(r"\"[^\"]*\"|'[^']*'", "", text))]
    if lists and len(lists) < len(distinct):
        _refuse(place, USUAL, lists[0][:20], len(lists), len(distinct))
    if lists:
        rows = {text: _names(text, place) for text in distinct}
        return pa.array([rows.get(text, []) for text in column.to_pylist()], pa.list_(pa.large_string())), USUAL, None
    found = _separator(distinct, place)
    told = None if found.strip() == ">" else f"{place}: paths are cut at {found!r} (--separator)"
    if (bare := _bare_tokens(distinct, found)) is not None:
        column, what = _without(column, found, *bare), " and ".join(filter(None, map(" or ".join, bare)))
        told = "; ".join(
            filter(None, (told, f"{place}: every path has {what} for a start or end, which is no channel"))
        )
    _refuse_repeats(distinct, found, place)
    if any(token in text.casefold() for text in distinct for token in TOKENS):
        column = _without(column, found, TOKENS, TOKENS)
    return column, found, told


def _is_usual(column: Any) -> bool:
    """Whether a quick look at the bytes of all texts shows " > " and nothing else that could cut or begin a path."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    if any(not (pa.types.is_string(chunk.type) or pa.types.is_large_string(chunk.type)) for chunk in chunks):
        return False
    data = b"".join(bytes(chunk.buffers()[2] or b"") for chunk in chunks)
    bytes_held = np.bincount(np.frombuffer(data, dtype=np.uint8), minlength=256)
    if bytes_held[[*b"|^[{(&"]].any() or MAYBE_TOKEN.search(data) or not 0 < bytes_held[ord(">")] == data.count(b" > "):
        return False
    marks = [mark.encode() for mark in (*ARROWS, *BARS) if not mark.isascii()]
    return not bytes_held[128:].any() or not any(mark in data for mark in marks)


def _separator(texts: Sequence[str], place: str) -> str:
    """The separator of these texts."""
    held: dict[str, frozenset[str]] = {text: frozenset(STRONG.findall(text)) for text in texts}
    marks = sorted(
        {mark for found in held.values() for mark in found},
        key=lambda mark: -sum(mark in found for found in held.values()),
    )
    if not marks:
        for mark in WEAK:
            cut = [text for text in texts if mark in text]
            if 2 * len(cut) > len(texts) and (mark in LISTS or _trade_places(cut, texts, mark)):
                _refuse(place, USUAL, mark, len(cut), len(texts))
        spaced = [text for text in texts if " " in text.strip()]
        halves = [text.split() for text in spaced]
        if 2 * len(spaced) > len(texts) and {row[0] for row in halves} & {word for row in halves for word in row[1:]}:
            _refuse(place, USUAL, " ", len(spaced), len(texts))
        for mark, many in Counter(mark for text in texts for mark in {*UNKNOWN.findall(text)}).most_common(3):
            if 2 * many > len(texts) and _trade_places([text for text in texts if mark in text], texts, mark):
                _refuse(place, USUAL, mark, many, len(texts))
        return ">"
    glued = [text for text in texts if re.search(r"[^\s>]>|>[^\s>]", text) and held[text] == {">"}]
    spaced = [text for text in texts if re.search(r"\s>(\s|$)|^>\s", text) and ">" in held[text]]
    names = {name.strip() for text in spaced for name in text.split(">")}
    if ">" in marks and spaced:
        unlike = [text for text in glued if not {piece.strip() for piece in text.split(">")} <= names or text in spaced]
        if unlike:
            _refuse(place, USUAL, ">", len(unlike), len(texts))
        for mark in (mark for mark in marks if mark != ">"):
            alone = [
                text for text in texts if mark in held[text] and ">" not in held[text] and text.strip() not in names
            ]
            if alone or mark in ARROWS:
                _refuse(place, USUAL, mark, max(len(alone), 1), len(texts))
        return ">"
    if len(marks) > 1:
        _refuse(place, marks[0], marks[1], sum(marks[1] in found for found in held.values()), len(texts))
    (mark,) = marks
    cut = [text for text in texts if mark in held[text]]
    if mark in BARS and not _trade_places(cut, texts, mark):
        _refuse(place, USUAL, mark, len(cut), len(texts))
    return mark


def _trade_places(cut: Sequence[str], texts: Sequence[str], mark: str) -> bool:
    """Whether pieces behave like channels: one stands first here and later there, or is a whole path elsewhere."""
    pieces = [[piece.strip() for piece in text.split(mark)] for text in cut]
    first, later = {row[0] for row in pieces}, {piece for row in pieces for piece in row[1:]}
    whole = {text.strip() for text in texts if mark not in text}
    return bool(first & later or (first | later) & whole)


def _refuse_repeats(texts: Sequence[str], mark: str, place: str) -> None:
    """Refuse names that end in a number of times, where the same name stands without it or with another."""
    pieces = {piece.strip() for text in texts for piece in text.split(mark.strip() or mark)}
    found = {piece: match for piece in sorted(pieces) if (match := REPEATED.fullmatch(piece))}
    plain = [match[1].strip() for match in found.values()]
    for piece, match in found.items():
        if match[1].strip() in pieces or plain.count(match[1].strip()) > 1:
            times = f"{match[1].strip()!r} {match[2] or match[3]} times"
            raise InvalidInputError(
                [
                    f"{place}: {piece!r} could be {times} in a row or a name; write the touches one by one, or take it for a "
                    f"name (--separator {mark!r})"
                ]
            )


def _names(text: str, place: str) -> list[str]:
    try:
        names = (
            next(csv.reader([text.strip()[1:-1]])) if text.lstrip().startswith("{") else ast.literal_eval(text.strip())
        )
    except (ValueError, SyntaxError):
        names = None
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InvalidInputError([f'{place}: {text[:60]!r} is no list of names; write ["a", "b"] or a > b'])
    names = [name.strip() for name in names]
    while names and names[0].casefold() in TOKENS:
        names = names[1:]
    while names and names[-1].casefold() in TOKENS:
        names = names[:-1]
    return names


def _bare_tokens(texts: Sequence[str], mark: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The words without brackets that every path begins or ends with; None if there are none."""
    rows = [[name.strip().casefold() for name in text.split(mark.strip() or mark)] for text in texts]
    if not rows or any(len(row) < 2 for row in rows):
        return None
    first, last = {row[0] for row in rows}, {row[-1] for row in rows}
    found = tuple(sorted(first)) if first <= {*STARTS} else (), tuple(sorted(last)) if last <= {*ENDS} else ()
    return found if any(found) else None


def _without(column: Any, mark: str, starts: Sequence[str], ends: Sequence[str]) -> Any:
    """The texts without these words at their start and end."""
    cut = re.escape(mark.strip() or mark)
    column = column.cast(pa.large_string())
    first, last = ("|".join(map(re.escape, words)) for words in (starts, ends))
    if first:
        column = pc.replace_substring_regex(column, rf"(?i)^\s*({first})\s*({cut}\s*|$)", "")
    if last:
        column = pc.replace_substring_regex(column, rf"(?i)(^|\s*{cut})\s*({last})\s*$", "")
    return column


def _refuse(place: str, usual: str, other: str, texts: int, whole: int) -> None:
    raise InvalidInputError(
        [
            f"{place}: {texts:,} of {whole:,} distinct paths hold {other!r} and not {usual!r}; they could be cut there or be "
            f"names; say which (--separator {other!r} or --separator {usual!r})"
        ]
    )
