"""Compiled kernels: equal texts found, texts cut at a separator into coded names, and counts summed, on bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.paths.ragged import Codes, Floats, Ints
from cpalab.compile_cache import inlined, kernel

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

BLANK = 32  # and what lies below: tab, line feed, carriage return
BLOCK = 256  # texts hashed before any is looked up, so that the memory's answers overlap
SMALL_TABLE = 4096
GROUP = np.uint64(0xFFFFFFFF)  # the bits of a slot's second word that hold the group
EVERY_BYTE = 0x0101010101010101


@inlined
def word_at(words: Words, rest: np.uint64, at: int) -> np.uint64:
    """The eight bytes from `at` on. Unsigned throughout: a signed index would be tested for wrapping."""
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


@inlined
def hashes_of(words: Words, rest: np.uint64, start: int, stop: int) -> tuple[np.uint64, np.uint64]:
    """Two 64-bit hashes of a text, made of eight bytes at a time."""
    at = start
    one = np.uint64(stop - start) * np.uint64(0x9E3779B97F4A7C15)
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
    return one, other


@inlined
def slot_of(slots: Words, one: np.uint64, other: np.uint64) -> np.uint64:
    """The slot that holds a text, or the free one where it belongs.

    A slot holds the first hash, and in one word the upper half of the second and 1 + the group; 0 is free.
    """
    last = np.uint64(len(slots) - 1)
    slot = one & last
    while slots[slot, 1] != 0 and (slots[slot, 0] != one or (slots[slot, 1] ^ other) > GROUP):
        slot = (slot + np.uint64(1)) & last
    return slot


def group_texts(words: Words, rest: np.uint64, starts: Ints, stops: Ints) -> tuple[Codes, Codes]:
    """The group [n] of every text, in order of first use, and the first text of each group.

    Texts whose hashes agree in 96 bits are taken to be equal: for 100 million distinct texts an error has a chance
    below 1e-12. Open addressing in a table that grows with the groups; a probe touches one line of the cache.

    Args:
        words: the bytes of all texts as 64-bit words.
        rest: the bytes behind the last whole word, as a word.
        starts: where each text starts, in bytes [n].
        stops: where each text stops [n].
    """
    group, first = np.empty(len(starts), dtype=np.int32), np.empty(len(starts), dtype=np.int32)
    # Room for a distinct text in every sixteenth row; numpy, unlike compiled code, asks for large pages.
    size = max(SMALL_TABLE, 1 << (len(starts) // 8).bit_length())
    slots = np.zeros((size, 2), dtype=np.uint64)
    row, groups = group_rows_from(0, 0, words, rest, starts, stops, slots, group, first)
    while row < len(starts):
        slots = moved(slots, np.zeros((2 * len(slots), 2), dtype=np.uint64))
        row, groups = group_rows_from(row, groups, words, rest, starts, stops, slots, group, first)
    return group, first[:groups].copy()


@kernel
def group_rows_from(
    row: int,
    groups: int,
    words: Words,
    rest: np.uint64,
    starts: Ints,
    stops: Ints,
    slots: Words,
    group: Codes,
    first: Codes,
) -> tuple[int, int]:
    """Group texts from `row` on while the table has room; return the row it came to, and how many groups there are."""
    one, other = np.empty(BLOCK, dtype=np.uint64), np.empty(BLOCK, dtype=np.uint64)
    last = np.uint64(len(slots) - 1)
    while row < len(starts) and 2 * (groups + BLOCK) <= len(slots):
        block = min(BLOCK, len(starts) - row)
        for k in range(block):
            one[k], other[k] = hashes_of(words, rest, starts[row + k], stops[row + k])
        fetched = np.uint64(0)
        for k in range(block):
            fetched |= slots[one[k] & last, 1] & GROUP
        if fetched == GROUP:
            break  # never, as groups have 31 bits: it keeps the compiler from leaving out what fetches the slots
        for k in range(block):
            slot = slot_of(slots, one[k], other[k])
            if slots[slot, 1] == 0:
                first[groups] = row + k
                groups += 1
                slots[slot, 0], slots[slot, 1] = one[k], (other[k] & ~GROUP) | np.uint64(groups)
            group[row + k] = np.int32((slots[slot, 1] & GROUP) - np.uint64(1))
        row += block
    return row, groups


@kernel
def moved(slots: Words, wider: Words) -> Words:
    """The wider table with what the other holds."""
    last = np.uint64(len(wider) - 1)
    for k in range(len(slots)):
        if slots[k, 1] != 0:
            slot = slots[k, 0] & last
            while wider[slot, 1] != 0:
                slot = (slot + np.uint64(1)) & last
            wider[slot, 0], wider[slot, 1] = slots[k, 0], slots[k, 1]
    return wider


@inlined
def stands_at(data: Bytes, mark: Bytes, at: int, stop: int) -> bool:
    """Whether the mark stands at a place, wholly before `stop`."""
    k = 0
    while k < len(mark) and at + k < stop and data[np.uint64(at + k)] == mark[np.uint64(k)]:
        k += 1
    return k == len(mark)


@inlined
def find_byte(words: Words, rest: np.uint64, byte: np.uint64, at: int, stop: int) -> int:
    """Where the byte stands first in [at, stop), eight bytes at a time; `stop` if nowhere."""
    every = np.uint64(EVERY_BYTE)
    while at < stop:
        differ = word_at(words, rest, at) ^ (byte * every)
        # The lowest bit set is that of the first equal byte.
        equal = (differ - every) & ~differ & (every << np.uint64(7))
        if equal != 0:
            below = ((equal & (~equal + np.uint64(1))) - np.uint64(1)) & every
            found: Any = at + np.int64((below * every) >> np.uint64(56)) - 1
            return found if found < stop else stop
        at += 8
    return stop


def code_names(
    data: Bytes, words: Words, rest: np.uint64, begins: Ints, ends: Ints, separator: Bytes, strip: bool
) -> tuple[Codes, Ints, Ints, Ints]:
    """Cut every text `data[begin:end]` at the separator, and give each distinct name a code; blank texts have no names.

    Returns:
        The code of every name, in order of first use; how many names each text has; and where the first name of each
        code starts and stops. With `strip`, blanks around a name are no part of it.
    """
    codes = np.empty(int(np.sum(ends - begins)) // len(separator) + len(begins), dtype=np.int32)
    lengths = np.zeros(len(begins), dtype=np.int64)
    slots = np.zeros((SMALL_TABLE, 2), dtype=np.uint64)
    places = np.empty((2, SMALL_TABLE), dtype=np.int64)
    text = names = known = 0
    while True:
        text, names, known = code_names_from(
            text, names, known, data, words, rest, begins, ends, separator, strip, slots, codes, lengths, places
        )
        if text == len(begins):
            return codes[:names].copy(), lengths, places[0, :known], places[1, :known]
        places = np.concatenate([places, np.empty_like(places)], axis=1)
        slots = moved(slots, np.zeros((2 * len(slots), 2), dtype=np.uint64))


@kernel
def code_names_from(
    text: int,
    names: int,
    known: int,
    data: Bytes,
    words: Words,
    rest: np.uint64,
    begins: Ints,
    ends: Ints,
    separator: Bytes,
    strip: bool,
    slots: Words,
    codes: Codes,
    lengths: Ints,
    places: Ints,
) -> tuple[int, int, int]:
    """Code texts from `text` on while the table has room; return the text it came to, its first name, and the codes."""
    width = len(separator)
    anchor = 0  # the byte looked for: the first of the separator that is no blank, as blanks stand in names
    while anchor < width - 1 and separator[anchor] <= BLANK:
        anchor += 1
    byte = np.uint64(separator[anchor])
    for row in range(text, len(begins)):
        left, end = begins[row], ends[row]
        at = left
        while at < end and data[np.uint64(at)] <= BLANK:
            at += 1
        if at == end:
            continue
        before = names
        while left <= end:
            right = find_byte(words, rest, byte, left + anchor, end) - anchor
            while right + anchor < end and not stands_at(data, separator, right, end):
                right = find_byte(words, rest, byte, right + anchor + 1, end) - anchor
            if right + anchor >= end:
                right = end
            start, stop = left, right
            while strip and start < stop and data[np.uint64(start)] <= BLANK:
                start += 1
            while strip and start < stop and data[np.uint64(stop - 1)] <= BLANK:
                stop -= 1
            one, other = hashes_of(words, rest, start, stop)
            slot = slot_of(slots, one, other)
            if slots[slot, 1] == 0:
                if 2 * known >= len(slots):
                    return row, before, known
                places[0, known], places[1, known] = start, stop
                known += 1
                slots[slot, 0], slots[slot, 1] = one, (other & ~GROUP) | np.uint64(known)
            codes[np.uint64(names)] = np.int32((slots[slot, 1] & GROUP) - np.uint64(1))
            names += 1
            left = right + width if right < end else end + 1
        lengths[row] = names - before
    return len(begins), names, known


@kernel
def sum_counts(
    group: NDArray[Any], conversions: Floats, value: NDArray[Any], nulls: Floats, groups: int
) -> tuple[Floats, Ints, Floats, bool]:
    """The sums of each group [groups], those of the value, rounded to integers, exact; and whether all rows are sound.

    They are if nothing is negative or not finite, and nothing is worth anything where nothing converted.
    """
    sums = np.zeros((groups, 4))  # side by side, so that a row touches one line of the cache
    exact = sums.view(np.int64)
    for i in range(len(group)):
        g = np.uint32(group[i])
        sums[g, 0] += conversions[i]
        exact[g, 1] += np.int64(np.rint(value[i]))
        sums[g, 2] += nulls[i]
    unsound = 0
    for i in range(len(group)):
        c, v, n = conversions[i], value[i], nulls[i]
        # With & and |, unlike `and` and `or`, the processor has no branch to guess.
        unsound += not (
            (c >= 0) & (c < np.inf) & (v >= 0) & (v < np.inf) & (n >= 0) & (n < np.inf) & ((c > 0) | (v == 0))
        )
    return sums[:, 0].copy(), exact[:, 1].copy(), sums[:, 2].copy(), unsound == 0
