"""Path strings taken apart: the channel names of every row, as codes into an alphabetical table of names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.rows import Codes, Ints, offsets_of, row_of


def split_names(paths: Any, separator: str) -> tuple[Ints, Any]:
    """Return the offsets of every row's names, and all names as one Arrow array of text."""
    column = paths if isinstance(paths, pa.Array | pa.ChunkedArray) else pa.array(list(paths))
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_null(column.type):
        column = column.cast(pa.large_string())
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), True)
        column = pc.if_else(blank, pa.scalar(None, column.type), column)
        column = pc.split_pattern(column, separator)
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    return offsets_of(lengths), pc.list_flatten(column).cast(pa.large_string())


def rows_with_empty_name(offsets: Ints, names: Any) -> list[int]:
    """Return the first rows (ten at most) in which a name is empty."""
    empty = pc.fill_null(pc.equal(names, ""), True).to_numpy(zero_copy_only=False)
    return sorted(set(row_of(offsets)[np.flatnonzero(empty)].tolist()))[:10]


def alphabetical_codes(names: Any) -> tuple[tuple[str, ...], Codes]:
    """Return the distinct names in alphabetical order and the code of every name."""
    encoded = names.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    order = sorted(range(len(words)), key=words.__getitem__)
    rank = np.empty(len(words), dtype=np.int32)
    rank[order] = np.arange(len(words))
    return tuple(words[i] for i in order), rank[encoded.indices.to_numpy(zero_copy_only=False)]
