"""Compiled kernels: texts cut at a separator, and equal names found, on bytes; exact sums of integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.compiled import kernel
from attribution.rows import Codes, Ints

Bytes = NDArray[np.uint8]

BLANK = 32  # and what lies below: tab, line feed, carriage return


@kernel
def stands_at(data: Bytes, mark: Bytes, at: int, stop: int) -> bool:
    """Return whether the mark stands at a place, wholly before `stop`."""
    if data[at] != mark[0] or at + len(mark) > stop:
        return False
    k = 1
    while k < len(mark) and data[at + k] == mark[k]:
        k += 1
    return k == len(mark)


@kernel
def cut_texts(data: Bytes, offsets: Ints, separator: Bytes, strip: bool) -> tuple[Ints, Ints, Ints]:
    """Cut every text `data[offsets[i]:offsets[i + 1]]` at the separator; blank texts have no names.

    Returns:
        Where every name starts and stops, and how many names each text has. With `strip`, blanks around a
        name are no part of it.
    """
    texts, width = len(offsets) - 1, len(separator)
    most = (offsets[-1] - offsets[0]) // width + texts
    starts, stops = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    lengths = np.zeros(texts, dtype=np.int64)
    names = 0
    for text in range(texts):
        left, end = offsets[text], offsets[text + 1]
        at = left
        while at < end and data[at] <= BLANK:
            at += 1
        if at == end:
            continue
        before = names
        while left <= end:
            right = left
            while right < end and not stands_at(data, separator, right, end):
                right += 1
            starts[names], stops[names] = left, right
            left = right + width if right < end else end + 1
            names += 1
        lengths[text] = names - before
    if strip:
        for name in range(names):
            while starts[name] < stops[name] and data[starts[name]] <= BLANK:
                starts[name] += 1
            while starts[name] < stops[name] and data[stops[name] - 1] <= BLANK:
                stops[name] -= 1
    return starts[:names].copy(), stops[:names].copy(), lengths


@kernel
def slot_of(data: Bytes, starts: Ints, stops: Ints, slots: Ints, first: Ints, row: int) -> np.int64:
    """Return the slot of a name in the table, or the empty slot where it belongs; bytes decide equality."""
    start, length = starts[row], stops[row] - starts[row]
    h = np.uint64(length)
    for k in range(length):
        h = (h ^ np.uint64(data[start + k])) * np.uint64(0x100000001B3)  # FNV-1a
    h ^= h >> np.uint64(32)
    slot = np.int64(h & np.uint64(len(slots) - 1))
    while slots[slot] >= 0:
        other = first[slots[slot]]
        if stops[other] - starts[other] == length:
            k = 0
            while k < length and data[starts[other] + k] == data[start + k]:
                k += 1
            if k == length:
                break
        slot = (slot + 1) & (len(slots) - 1)
    return slot


@kernel
def name_codes(data: Bytes, starts: Ints, stops: Ints) -> tuple[Codes, Ints]:
    """Return the code [n] of every name, in order of first use, and the row where each is used first.

    Open addressing in a table that grows with the names.
    """
    codes = np.empty(len(starts), dtype=np.int32)
    slots = np.full(256, -1, dtype=np.int64)
    first = np.empty(128, dtype=np.int64)
    names = 0
    for row in range(len(starts)):
        slot = slot_of(data, starts, stops, slots, first, row)
        if slots[slot] < 0:
            slots[slot] = names
            first[names] = row
            names += 1
            codes[row] = names - 1
            if names == len(first):
                longer = np.empty(2 * names, dtype=np.int64)
                longer[:names] = first
                first = longer
                slots = np.full(4 * names, -1, dtype=np.int64)
                for name in range(names):
                    slots[slot_of(data, starts, stops, slots, first, first[name])] = name
        else:
            codes[row] = slots[slot]
    return codes, first[:names].copy()


@kernel
def sum_integers_by(group: NDArray[Any], amount: Ints, groups: int) -> Ints:
    """Return the exact sum of the amounts of each group [groups]."""
    total = np.zeros(groups, dtype=np.int64)
    for i in range(len(group)):
        total[group[i]] += amount[i]
    return total
