"""Touches and conversions read from any data frame into checked arrays; times in days or nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.paths.ragged import Bools, Codes, Ints
from cpalab.micros import MICROS
from cpalab.refusal import did_you_mean
from cpalab.tables.input_table import arrow_table

Clock = Literal["days", "datetimes without time zone", "datetimes with time zone"]

NANOSECONDS_PER_DAY = 86_400_000_000_000


@dataclass(frozen=True, eq=False)
class Touches:
    """Touches in the order of their rows: `time` in days (float) or nanoseconds (int), per `clock`."""

    user: pa.ChunkedArray
    time: NDArray[Any]
    clock: Clock
    channel: Codes
    channels: tuple[str, ...]
    view: Bools


@dataclass(frozen=True, eq=False)
class Conversions:
    """Conversions in the order of their rows; `order` codes the order id, -1 where there is none."""

    user: pa.ChunkedArray
    time: NDArray[Any]
    clock: Clock
    order: Ints
    value_micros: Ints


def read_touches(frame: Any, problems: list[str]) -> Touches | None:
    """The touches, or None after adding what is wrong with them to `problems`."""
    before = len(problems)
    table = arrow_table(frame, "touches", problems)
    if len(problems) > before or not _has(table, "touches", ("user_id", "time", "channel"), problems):
        return None
    time, clock = _times(table, "touches", problems)
    _no_empty(table, "touches", "user_id", problems)
    channel, names = _words(table, "touches", "channel", problems)
    view = np.zeros(len(table), dtype=np.bool_)
    if "kind" in table.column_names:
        kind, kinds = _words(table, "touches", "kind", problems)
        problems += [
            f"touches.kind: {word!r} is not a kind of touch; keep rows of kind 'click' and 'view' only"
            for word in kinds
            if word not in ("click", "view")
        ]
        view = kind == kinds.index("view") if "view" in kinds else view
    if len(problems) > before:
        return None
    return Touches(table["user_id"], time, clock, channel, names, view)


def read_conversions(frame: Any, problems: list[str]) -> Conversions | None:
    """The conversions, or None after adding what is wrong with them to `problems`."""
    before = len(problems)
    table = arrow_table(frame, "conversions", problems)
    if len(problems) > before or not _has(table, "conversions", ("user_id", "time"), problems):
        return None
    time, clock = _times(table, "conversions", problems)
    _no_empty(table, "conversions", "user_id", problems)
    order = np.full(len(table), -1, dtype=np.int64)
    if "order_id" in table.column_names:
        order = _codes(table["order_id"])[0].astype(np.int64)
    value_micros = _value_micros(table, problems)
    if len(problems) > before:
        return None
    return Conversions(table["user_id"], time, clock, order, value_micros)


def people_codes(touches: Touches, conversions: Conversions, problems: list[str]) -> tuple[Codes, Codes, int]:
    """A number for the person of every touch and every conversion, and how many numbers are in use."""
    left, right = touches.user, conversions.user
    split = len(left)
    if _is_integer(left.type) and _is_integer(right.type):
        users = np.concatenate([left.to_numpy().astype(np.int64), right.to_numpy().astype(np.int64)])
        if len(users) == 0:
            return users[:0].astype(np.int32), users[:0].astype(np.int32), 0
        low, high = int(users.min()), int(users.max())
        if high - low < 4 * len(users) + MICROS:
            codes = (users - low).astype(np.int32)
            return codes[:split], codes[split:], high - low + 1
        both = pa.chunked_array([pa.array(users)])
    else:
        kinds = [_plain(column.type) for column in (left, right) if len(column)]
        if len({str(kind) for kind in kinds}) > 1:
            problems.append(f"user_id: {kinds[0]} in touches but {kinds[1]} in conversions; give both the same type")
            return np.zeros(split, np.int32), np.zeros(len(right), np.int32), 1
        kind = kinds[0] if kinds else pa.large_string()
        both = pa.chunked_array([*left.cast(kind).chunks, *right.cast(kind).chunks], type=kind)
    codes, words = _codes(both)
    return codes[:split], codes[split:], len(words)


def _has(table: pa.Table, place: str, needed: tuple[str, ...], problems: list[str]) -> bool:
    missing = [name for name in needed if name not in table.column_names]
    problems += [f"{place}: column {name!r} is missing; {did_you_mean(name, table.column_names)}" for name in missing]
    return not missing


def _no_empty(table: pa.Table, place: str, name: str, problems: list[str]) -> None:
    _refuse(pc.is_null(table[name], nan_is_null=True).to_numpy(), f"{place}.{name}: is empty", problems)


def _refuse(bad: Bools, what: str, problems: list[str]) -> None:
    count = int(np.count_nonzero(bad))
    if count:
        rows = f"{count} rows, the first is" if count > 1 else "one row,"
        problems.append(f"{what} in {rows} row {int(np.argmax(bad))} (counted from 0); correct or drop them")


def _times(table: pa.Table, place: str, problems: list[str]) -> tuple[NDArray[Any], Clock]:
    column, kind = table["time"], table["time"].type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    if len(column) == 0:
        return np.empty(0), "days"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        days = column.cast(pa.float64(), safe=False).to_numpy()
        _refuse(~np.isfinite(days), f"{place}.time: is empty or not finite", problems)
        return days, "days"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        _no_empty(table, place, "time", problems)
        zone = getattr(kind, "tz", None)
        try:
            moments = column.cast(pa.timestamp("ns", tz=zone)).cast(pa.int64()).fill_null(0).to_numpy()
        except pa.ArrowInvalid as error:
            problems.append(f"{place}.time: {error}; datetimes must lie between the years 1678 and 2262")
            return np.empty(0, dtype=np.int64), "datetimes without time zone"
        return moments, "datetimes with time zone" if zone else "datetimes without time zone"
    problems.append(f"{place}.time: {kind} is not a time; give days as numbers, or parse text to datetimes first")
    return np.empty(0), "days"


def _words(table: pa.Table, place: str, name: str, problems: list[str]) -> tuple[Codes, tuple[str, ...]]:
    """The codes of a text column and its words in alphabetical order."""
    column = table[name]
    kind = _plain(column.type)
    if len(column) == 0:
        return np.empty(0, dtype=np.int32), ()
    if kind != pa.large_string():
        problems.append(f"{place}.{name}: {kind} is not text; give names")
        return np.empty(0, dtype=np.int32), ()
    codes, words = _codes(column)
    _refuse(codes < 0, f"{place}.{name}: is empty", problems)
    order = sorted(range(len(words)), key=words.__getitem__)
    rank = np.empty(len(words) + 1, dtype=np.int32)
    rank[order] = np.arange(len(words))
    rank[-1] = -1
    return rank[codes], tuple(words[i] for i in order)


def _codes(column: pa.ChunkedArray) -> tuple[Codes, list[Any]]:
    """The code of every element, -1 where it is empty, and the elements in order of first use."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    if encoded.num_chunks == 0:
        return np.empty(0, dtype=np.int32), []
    chunk = encoded.unify_dictionaries().combine_chunks()
    chunk = chunk.chunk(0) if isinstance(chunk, pa.ChunkedArray) else chunk
    codes = chunk.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
    used = np.bincount(codes[codes >= 0], minlength=len(chunk.dictionary)) > 0
    if used.all():
        return codes, chunk.dictionary.to_pylist()
    rank = np.append(np.cumsum(used) - 1, -1).astype(np.int32)
    return rank[codes], chunk.dictionary.filter(pa.array(used)).to_pylist()


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of the elements: without dictionary, and text of one kind."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if text:
        return pa.large_string()
    return pa.int64() if pa.types.is_integer(kind) else kind


def _is_integer(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind))


def _value_micros(table: pa.Table, problems: list[str]) -> Ints:
    """The value in micros, from `value_micros` or `value` (currency units); 0 if there is neither."""
    names = [name for name in ("value_micros", "value") if name in table.column_names]
    if len(names) == 2:
        problems.append("conversions: both 'value_micros' and 'value' are given; keep one of them")
    if len(names) != 1 or len(table) == 0:
        return np.zeros(len(table), dtype=np.int64)
    column = table[names[0]]
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)):
        problems.append(f"conversions.{names[0]}: {column.type} is not a number")
        return np.zeros(len(table), dtype=np.int64)
    if pa.types.is_integer(column.type) and column.null_count == 0 and names[0] == "value_micros":
        micros: Ints = column.cast(pa.int64()).to_numpy()
        _refuse(micros < 0, "conversions.value_micros: is negative", problems)
        return micros
    amount = column.cast(pa.float64(), safe=False).to_numpy() * (1 if names[0] == "value_micros" else MICROS)
    _refuse(~np.isfinite(amount), f"conversions.{names[0]}: is empty or not finite", problems)
    _refuse(amount < 0, f"conversions.{names[0]}: is negative", problems)
    value: Ints = np.rint(np.nan_to_num(amount)).astype(np.int64)
    return value
