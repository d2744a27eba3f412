"""Compiled kernels: equal texts found and texts cut at a separator, on bytes; exact sums of integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.compiled import inlined, kernel
from attribution.rows import Codes, Ints

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

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
def cut_texts(data: Bytes, begins: Ints, ends: Ints, separator: Bytes, strip: bool) -> tuple[Ints, Ints, Ints]:
    """Cut every text `data[begin:end]` at the separator; blank texts have no names.

    Returns:
        Where every name starts and stops, and how many names each text has. With `strip`, blanks around a
        name are no part of it.
    """
    texts, width = len(begins), len(separator)
    most = np.sum(ends - begins) // width + texts
    starts, stops = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    lengths = np.zeros(texts, dtype=np.int64)
    names = 0
    for text in range(texts):
        left, end = begins[text], ends[text]
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


@inlined
def word_at(words: Words, rest: np.uint64, at: int) -> np.uint64:
    """Return the eight bytes from `at` on. Unsigned throughout: a signed index would be tested for wrapping."""
    place = np.uint64(at) >> np.uint64(3)
    shift = (np.uint64(at) & np.uint64(7)) << np.uint64(3)
    last = np.uint64(len(words))
    low = words[place] if place < last else rest
    high = np.uint64(0)
    if place + np.uint64(1) < last:
        high = words[place + np.uint64(1)]
    elif place < last:
        high = rest
    word: np.uint64 = (low >> shift) | ((high << np.uint64(1)) << (np.uint64(63) - shift))
    return word


@kernel
def group_texts(words: Words, rest: np.uint64, starts: Ints, stops: Ints) -> tuple[Codes, Codes]:
    """Return the group [n] of every text, in order of first use, and the first text of each group.

    A text has two 64-bit hashes, made of eight bytes at a time. Texts whose 128 bits agree are taken to be equal: for 100
    million distinct texts an error has a chance below 1e-22. Open addressing in a table that grows with the groups; a
    probe touches one line of the cache.

    Args:
        words: the bytes of all texts as 64-bit words.
        rest: the bytes behind the last whole word, as a word.
        starts: where each text starts, in bytes [n].
        stops: where each text stops [n].
    """
    size, groups = 4096, 0
    slots = np.zeros((size, 4), dtype=np.uint64)  # two hashes and 1 + the group; 0 is free
    group, first = np.empty(len(starts), dtype=np.int32), np.empty(len(starts), dtype=np.int32)
    for row in range(len(starts)):
        at, stop = starts[row], stops[row]
        one = np.uint64(stop - at) * np.uint64(0x9E3779B97F4A7C15)
        other = ~one
        while at < stop:
            word = word_at(words, rest, at)
            if stop - at < 8:
                word = word << np.uint64(64 - 8 * (stop - at))  # drops what follows the text
            one = (one ^ word) * np.uint64(0xBF58476D1CE4E5B9)
            one ^= one >> np.uint64(32)
            other = (other + word) * np.uint64(0x94D049BB133111EB)
            other ^= other >> np.uint64(29)
            at += 8
        slot = one & np.uint64(size - 1)
        while slots[slot, 2] != 0 and (slots[slot, 0] != one or slots[slot, 1] != other):
            slot = (slot + np.uint64(1)) & np.uint64(size - 1)
        if slots[slot, 2] == 0:
            group[row], first[groups] = groups, row
            groups += 1
            slots[slot, 0], slots[slot, 1], slots[slot, 2] = one, other, np.uint64(groups)
            if 2 * groups > size:
                size *= 4
                slots = grown(slots, size)
        else:
            group[row] = np.int32(slots[slot, 2] - np.uint64(1))
    return group, first[:groups].copy()


@kernel
def grown(slots: Words, size: int) -> Words:
    """Return the table with more room."""
    wider = np.zeros((size, 4), dtype=np.uint64)
    for k in range(len(slots)):
        if slots[k, 2] != 0:
            slot = slots[k, 0] & np.uint64(size - 1)
            while wider[slot, 2] != 0:
                slot = (slot + np.uint64(1)) & np.uint64(size - 1)
            wider[slot] = slots[k]
    return wider


@kernel
def sum_integers_by(group: NDArray[Any], amount: Ints, groups: int) -> Ints:
    """Return the exact sum of the amounts of each group [groups]."""
    total = np.zeros(groups, dtype=np.int64)
    for i in range(len(group)):
        total[group[i]] += amount[i]
    return total
