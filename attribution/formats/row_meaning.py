"""What a row of touches or conversions stands for where no column is named for it: other events, counts, undone orders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow.compute as pc

from attribution.formats.column_names import (
    COUNTS_OF_CONVERSIONS,
    COUNTS_OF_TOUCHES,
    REFUNDED_AMOUNTS,
    UNDONE_FLAGS,
    columns_named,
)
from cpalab.tables.checked_columns import Bools, CheckedColumns, Floats
from cpalab.tables.dialect import plain_name

MOST_ACTIONS = 60
# Words of events that are orders (or leads), and of those that come before one.
ORDERED = re.compile(
    r"(?i)(?<![a-z])(purchas|order|conver|sale|sold|buy|bought|paid|payment|transaction|sign.?up|subscri|lead|install|won)"
)
BEFORE = re.compile(
    r"(?i)view|visit|click|cart|basket|search|scroll|session|browse|impression|page|login|log.?in|wish|begin|start|share"
)
MONEY = re.compile(r"price|amount|revenue|total|value|sales|gmv|turnover|umsatz")
PLACES_OF_SALE = frozenset({
    "online", "offline", "store", "online store", "in store", "instore", "pos", "shop", "point of sale", "webshop",
    "web shop", "phone", "call center", "retail store",
})  # fmt: skip


def unnamed_action(sieve: CheckedColumns, rest: Sequence[str]) -> str | None:
    """A column of few words some of which are orders and some what comes before one: its words are actions."""
    for name in rest:
        words = words_of(sieve, name)
        if not 1 < len(words) <= MOST_ACTIONS:
            continue
        ordered = [word for word in words if ORDERED.search(word) and not BEFORE.search(word)]
        before = [word for word in words if BEFORE.search(word)]
        if ordered and before and 2 * (len(ordered) + len(before)) >= len(words):
            return name
    return None


def leave_out_unconverted(sieve: CheckedColumns, rest: Sequence[str]) -> list[str]:
    """Leave out rows that say that they are no conversion; what is wrong where rows count several conversions each."""
    problems = []
    for name in columns_named(rest, COUNTS_OF_CONVERSIONS):
        number = _counts(sieve, name)
        if number is None or (number == 1).all():
            continue
        if ((number != 0) & (number != 1)).any():
            problems.append(
                f"{sieve.place}.{name}: holds counts up to {number.max():g}, and a row is one conversion; give a row per "
                "conversion, or drop the column if rows are single conversions"
            )
        else:
            sieve.leave_out(number == 0, f"rows without conversion ({name} = 0)")
    return problems


def conversion_notes(sieve: CheckedColumns, found: Mapping[str, str], rest: Sequence[str]) -> list[str]:
    """What to say of columns that could undo or price conversions and are not read so."""
    notes = []
    for name in columns_named(rest, UNDONE_FLAGS):
        held = pc.is_valid(sieve.ids(name)).to_numpy()
        flags = None if re.search(r"(?i)(at|date|on)$", name) else _flags(sieve, name)
        undone = held if flags is None else flags
        if undone.any() and not (flags is None and undone.all()):
            notes.append(
                f"{sieve.place}.{name}: says so of {np.count_nonzero(undone):,} of {len(sieve):,} conversions, which count "
                "like the others; leave those rows out if they should not"
            )
    for name in columns_named(rest, REFUNDED_AMOUNTS):
        number = _counts(sieve, name)
        if number is not None and number.any():
            notes.append(f"{sieve.place}.{name}: {np.abs(number).sum():,.2f} are not taken off the value")
    if not {"value", "value_micros"} & found.keys():
        refunds = columns_named(rest, REFUNDED_AMOUNTS)
        money = [name for name in rest if MONEY.search(plain_name(name)) and name not in refunds]
        priced = [name for name in money if _counts(sieve, name) is not None]
        if priced:
            notes.append(
                f"{sieve.place}: {', '.join(priced)} could be a value, of an article or in cents, and is not read; call the "
                "column of what an order is worth value"
            )
    return notes


def touch_notes(sieve: CheckedColumns, channel: str | None, rest: Sequence[str]) -> list[str]:
    """What to say of touches whose rows count several, or whose channels are places of sale."""
    notes = []
    for name in columns_named(rest, COUNTS_OF_TOUCHES):
        number = _counts(sieve, name)
        if number is not None and (number != 1).any():
            notes.append(
                f"{sieve.place}.{name}: is {number.min():g} to {number.max():g} per row; each row counts as one touch"
            )
    words = {plain_name(word.casefold()) for word in words_of(sieve, channel)} if channel else set()
    if words and words <= PLACES_OF_SALE:
        notes.append(
            f"{sieve.place}.{channel}: {', '.join(sorted(words))} say where people bought rather than what brought them"
        )
    return notes


def words_of(sieve: CheckedColumns, name: str) -> list[str]:
    """The distinct words of a column, blanks around them left out; none where there are too many to be words."""
    distinct = pc.unique(sieve.column(name))
    if len(distinct) > 4 * MOST_ACTIONS:
        return []
    return sorted({word for text in distinct.to_pylist() if text is not None and (word := str(text).strip())})


def _counts(sieve: CheckedColumns, name: str) -> Floats | None:
    """The column's numbers (1 and 0 for yes and no), empty cells 0; None where some cell is neither."""
    trial = CheckedColumns(sieve.place, sieve.loaded)
    number = trial.numbers(name, negative=True)
    if not trial.bad.any():
        return number
    flags = _flags(sieve, name)
    return None if flags is None else flags.astype(np.float64)


def _flags(sieve: CheckedColumns, name: str) -> Bools | None:
    trial = CheckedColumns(sieve.place, sieve.loaded)
    flags = trial.flags(name)
    return None if trial.bad.any() else flags
