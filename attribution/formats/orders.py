"""Which rows of a table of conversions are orders: lines of one, copies from a second tracker, and refunds (micros)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.column_names import COPY_ID, COPY_SOURCE, LINE, STATUS, columns_named
from attribution.paths.ragged import Bools, Ints
from cpalab.tables.checked_columns import CheckedColumns

Refunds = Literal["refuse", "value", "orders"]
Rows = Literal["ask", "sum", "first"]

REFUND = (
    "is negative; a refund perhaps: say --format \"tables(refunds='value')\" to take it off its order, or "
    "\"tables(refunds='orders')\" to count no refunded order, or net them before; dropping these rows would not"
)
NO_ORDER = "is a refund without an order; give it the id of one"
LINES = (
    "stands in several rows: lines of one order to be added up, or one order told several times; say "
    "--format \"tables(order_rows='sum')\" or \"tables(order_rows='first')\""
)


UNDONE = r"(?i)cancel|refund|void|fail|declin|return|pending|unpaid|lost|reject|expired|chargeback|abandon|draft"


def status_of(sieve: CheckedColumns, rest: Sequence[str]) -> str | None:
    """The column that says of some orders only that they were cancelled, refunded, not paid … : its words are actions."""
    for name in columns_named(rest, STATUS):
        words = pc.unique(sieve.text(name, empty_is=None)).drop_null()
        undone = pc.match_substring_regex(words, UNDONE)
        if len(words) > 1 and pc.any(undone).as_py():
            return name
    return None


def copy_id(sieve: CheckedColumns, found: dict[str, str], rest: Sequence[str]) -> None:
    """Take the id of an event for that of an order where there is no other, and leave out copies that have none.

    A purchase told by a page and by a server has one event id in both rows. Where a column says which of several told it, a
    row without the id cannot be matched with its twin, so it is left out and counted.
    """
    ids = columns_named(rest, COPY_ID)
    sources = columns_named(rest, COPY_SOURCE)
    if "order_id" not in found and not ids and sources and len(pc.unique(sieve.ids(sources[0])).drop_null()) > 1:
        sieve.notes.append(
            f"{sieve.place}: conversions of several {sources[0]} without an id of the order or event; "
            "one told by two counts twice"
        )
    if not ids:
        return
    if "order_id" in found:
        _one_order(sieve, found, ids[0])
        return
    held = pc.is_valid(sieve.ids(ids[0])).to_numpy()
    texts = sieve.ids(ids[0])
    if pc.count_distinct(texts).as_py() == int(np.count_nonzero(held)) and not columns_named(rest, COPY_SOURCE):
        return  # every event has its own: it says nothing about copies
    found["order_id"] = ids[0]
    told = f"{sieve.place}: no order id; rows with one {ids[0]} are one conversion"
    if sources and len(pc.unique(sieve.ids(sources[0])).drop_null()) > 1 and not held.all():
        told += f", and rows of several {sources[0]} without it are left out"
        sieve.leave_out(~held, f"conversions of several {sources[0]} without {ids[0]}, which may be copies")
    sieve.notes.append(told)


def _one_order(sieve: CheckedColumns, found: dict[str, str], event: str) -> None:
    """Give a row without order id that of its twin with the same event id, or the event id where several rows have it."""
    orders, events = sieve.ids(found["order_id"]), sieve.ids(event)
    lacking = pc.and_(pc.is_null(orders), pc.is_valid(events))
    if not pc.any(lacking).as_py() or pc.count_distinct(events).as_py() == len(events.drop_null()):
        return
    pairs = pa.table({"event": events, "order": orders}).filter(pc.is_valid(events))
    homes = pairs.group_by("event", use_threads=False).aggregate([("order", "min")])
    place = pc.index_in(events, value_set=homes["event"].combine_chunks()).combine_chunks()
    known = pc.coalesce(orders, homes["order_min"].combine_chunks().take(place), events)
    sieve.loaded = replace(
        sieve.loaded, table=sieve.loaded.table.append_column("\0order", known.cast(pa.large_string()))
    )
    found["order_id"] = "\0order"
    told = (
        f"{int(pc.sum(lacking).as_py()):,} rows without order id are known by {event}; rows with one are one conversion"
    )
    sieve.notes.append(f"{sieve.place}: {told}")


def settled(
    sieve: CheckedColumns, table: pa.Table, rest: Sequence[str], refunds: Refunds, rows: Rows, column: str
) -> pa.Table:
    """The orders of well-formed rows: refunds taken off, lines added up; what could mean two things is a defect.

    Rows with one person and order id whose values are equal are one order told several times, unless the table has a column
    of articles; then, and where values differ, `rows` decides, and "ask" adds up only where articles differ too.

    Args:
        sieve: of the table as read.
        table: its well-formed rows.
        rest: columns without another meaning.
        refunds: what negative values do.
        rows: what several rows of an order are.
        column: the column of values.
    """
    _tell_repeats(sieve, table)
    if "value_micros" not in table.column_names:
        return table
    value = table["value_micros"].to_numpy().copy()
    negative = value < 0
    keep = np.ones(len(table), dtype=np.bool_)
    named = pc.is_valid(table["order_id"]).to_numpy() if "order_id" in table.column_names else ~keep
    if refunds == "refuse":
        _mark(sieve, column, negative, REFUND)
    if (refunds == "refuse" and negative.any()) or (not named.any() and not negative.any()):
        return table
    key = _codes(table) if named.any() else np.arange(len(table))
    if negative.any():
        first = {int(code): row for row, code in reversed([*enumerate(key)]) if named[row] and not negative[row]}
        home = np.array([first.get(int(code), -1) for code in key])
        _mark(sieve, column, negative & (home < 0), NO_ORDER)
        taken = np.flatnonzero(negative & (home >= 0))
        np.add.at(value, home[taken], value[taken])
        keep[negative] = False
        if refunds == "orders":
            keep[home[taken][value[home[taken]] <= 0]] = False
        sieve.left_out.append(("refunds (taken off their orders)", len(taken)))
        value = np.maximum(value, 0)
    code, count = np.unique(key[named & keep], return_counts=True)
    again = np.flatnonzero(np.isin(key, code[count > 1]) & named & keep)
    if len(again):
        _lines(sieve, key, value, again, keep, rest, rows, column)
    table = table.set_column(table.column_names.index("value_micros"), "value_micros", pa.array(value))
    return table if keep.all() else table.filter(pa.array(keep))


def _tell_repeats(sieve: CheckedColumns, table: pa.Table) -> None:
    """Say where rows may tell one order twice though they count as several."""
    keys = ["user_id", "time"]
    if "order_id" not in table.column_names:
        again = len(table) - table.select(keys).group_by(keys).aggregate([]).num_rows
        if again:
            sieve.notes.append(
                f"{sieve.place}: {again:,} rows are of one person and time as another and have no order id; each "
                "counts, though they may be copies or lines of one order"
            )
        return
    sieve.notes += [f"{sieve.place}: {told}" for told in shared_orders(table)]


def shared_orders(table: pa.Table) -> list[str]:
    """What to say of order ids that stand with several people."""
    named = table.filter(pc.is_valid(table["order_id"]))
    people = named.group_by("order_id").aggregate([("user_id", "count_distinct")])
    shared = people.filter(pc.greater(people["user_id_count_distinct"], 1))
    if not len(shared):
        return []
    return [f"{len(shared):,} order ids ({shared['order_id'][0]} …) stand with several people; each person's counts"]


def _lines(
    sieve: CheckedColumns,
    key: Ints,
    value: Ints,
    again: Ints,
    keep: Bools,
    rest: Sequence[str],
    rows: Rows,
    column: str,
) -> None:
    """Add up lines of orders in place, or say what could be meant."""
    unique, first, order = np.unique(key[again], return_index=True, return_inverse=True)
    home = again[first]
    differ = value[again] != value[home][order]
    articles = bool(columns_named(rest, LINE))
    if rows == "first" or (rows == "ask" and not differ.any() and not articles):
        return  # build_paths counts the first of equal ids
    if rows == "ask" and not (differ.any() and articles):
        wrong = np.zeros(len(value), dtype=np.bool_)
        wrong[again[differ] if differ.any() else again] = True
        if sieve.loaded.numbering == "line":
            _mark(sieve, column, wrong, LINES)
            return
        told = (
            f"{len(unique):,} orders stand in several rows whose values differ or whose articles do; the first counts"
        )
        sieve.notes.append(f"{sieve.place}.{column}: {told} (tables.order_rows)")
        return
    value[home] = np.rint(np.bincount(order, weights=value[again])).astype(np.int64)
    keep[again] = np.isin(again, home)
    sieve.left_out.append(("lines of orders (added up)", len(again) - len(home)))


def _mark(sieve: CheckedColumns, column: str, rows: Bools, rule: str) -> None:
    """Note a defect of well-formed rows that cannot be mended by dropping them."""
    if rows.any():
        wrong = np.zeros(len(sieve), dtype=np.bool_)
        wrong[sieve.kept()[rows]] = True
        sieve.mark(column, wrong, rule, can_drop=False)


def _codes(table: pa.Table) -> Ints:
    """A number for every (person, order id)."""
    text = [table[name].cast(pa.large_string()).fill_null("") for name in ("user_id", "order_id")]
    both = pc.binary_join_element_wise(*text, pa.scalar("\0", pa.large_string())).combine_chunks().dictionary_encode()
    both = both.chunk(0) if isinstance(both, pa.ChunkedArray) else both
    return np.asarray(both.indices.to_numpy(zero_copy_only=False)).astype(np.int64)
