"""Path strings taken apart: distinct rows of channel codes, and which of them each row of the data is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.paths.ragged import Bools, Codes, Ints, offsets_of, row_of

BLANKS = "".join(map(chr, range(33)))  # the space and what lies below: tab, line feed, carriage return


@dataclass(frozen=True, eq=False)
class DistinctRows:
    """Rows of names, each distinct text taken apart once.

    Attributes:
        row: the distinct row that each row of the data is [n_rows].
        offsets: where each distinct row's names start [n_distinct + 1]; a blank row has none.
        codes: the name of every place [n_names].
        names: all names, in alphabetical order.
        has_empty_name: whether a distinct row has a name without letters [n_distinct].
    """

    row: NDArray[np.integer]
    offsets: Ints
    codes: Codes
    names: tuple[str, ...]
    has_empty_name: Bools


def distinct_rows(paths: Any, separator: str, *, strip: bool = False) -> DistinctRows:
    """Take paths apart: texts, whose names `separator` joins, or sequences of names, which may contain it.

    Args:
        paths: any sequence, series or Arrow array.
        separator: what stands between two names, compared byte by byte.
        strip: whether blanks around a name are no part of it.
    """
    column = _arrow(paths)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return _of_lists(column)
    column = column.fill_null("")
    row, first = _grouped(column)
    texts = column.take(first)
    blank = pc.equal(pc.utf8_trim(texts, BLANKS), "")
    if pc.any(blank).as_py():
        texts = pc.if_else(blank, None, texts)
    return _of_lists(pc.split_pattern(texts, separator), row, BLANKS if strip else "")


def _of_lists(column: Any, row: NDArray[np.integer] | None = None, blanks: str = "") -> DistinctRows:
    """Rows of names as they are; equal ones are joined only where `row` says which each row of the data is."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    flat = pc.list_flatten(column).cast(pa.large_string()).fill_null("")
    codes, first = _grouped(flat)
    names = flat.take(first).to_pylist()
    if blanks:  # of the few distinct names, not of every place
        place = {name: k for k, name in enumerate(dict.fromkeys(name.strip(blanks) for name in names))}
        codes = np.array([place[name.strip(blanks)] for name in names], dtype=np.int32)[codes]
        names = list(place)
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), dtype=np.int32)
    rank[order] = np.arange(len(names))
    empty = np.array([not name.strip() for name in names], dtype=np.bool_)
    offsets = offsets_of(lengths)
    has_empty_name = np.zeros(len(lengths), dtype=np.bool_)
    if empty.any():
        has_empty_name[row_of(offsets)[empty[codes]]] = True
    rows = np.arange(len(lengths)) if row is None else row
    return DistinctRows(rows, offsets, rank[codes], tuple(names[i] for i in order), has_empty_name)


def _grouped(column: Any) -> tuple[Codes, Codes]:
    """Which distinct text each is [n], in order of first use, and the first of each."""
    from attribution.paths.string_kernels import group_texts

    _, places, content = column.buffers()
    data = np.frombuffer(content or b"", dtype=np.uint8)
    if data.ctypes.data % 8:
        data = data.copy()  # numpy aligns what it allocates
    whole = len(data) // 8 * 8
    rest = np.uint64(int.from_bytes(data[whole:].tobytes(), "little"))
    offsets = np.frombuffer(places, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    return group_texts(data[:whole].view(np.uint64), rest, offsets[:-1], offsets[1:])


def _arrow(paths: Any) -> Any:
    """Any sequence of paths as one Arrow array, without dictionary."""
    if isinstance(paths, pa.Array | pa.ChunkedArray):
        column = paths
    elif hasattr(paths, "__arrow_c_stream__"):
        column = pa.chunked_array(paths)
    else:
        column = pa.array(paths if hasattr(paths, "dtype") else list(paths))
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not pa.types.is_nested(column.type):
        column = column.cast(pa.large_string())
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column
