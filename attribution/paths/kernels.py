"""Compiled kernels: order touches by person and time, select the touches of each journey, group equal paths.

They know integer codes and plain arrays only; `build` and `paths` give them meaning. Times are in the unit of
the data: float days, or integer nanoseconds, so that windows are exact for datetimes too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.paths.ragged import Bools, Codes, Floats, Ints
from cpalab.compile_cache import kernel

SHORT = 64  # rows up to this length are ordered by insertion, which is linear where they are in order already


@kernel
def order_by_person_and_time(person: Codes, time: NDArray[Any], people: int) -> tuple[Ints, Ints]:
    """The stable order [n] by person and time, and where each person starts in it [people + 1]."""
    offsets = np.zeros(people + 1, dtype=np.int64)
    for code in person:
        offsets[code + 1] += 1
    for p in range(people):
        offsets[p + 1] += offsets[p]
    order = np.empty(len(person), dtype=np.int64)
    place = offsets[:-1].copy()
    for i in range(len(person)):
        order[place[person[i]]] = i
        place[person[i]] += 1
    for p in range(people):
        start, stop = offsets[p], offsets[p + 1]
        if stop - start > SHORT:
            rows = order[start:stop].copy()
            order[start:stop] = rows[np.argsort(time[rows], kind="mergesort")]
            continue
        for i in range(start + 1, stop):
            row = order[i]
            j = i - 1
            while j >= start and time[order[j]] > time[row]:
                order[j + 1] = order[j]
                j -= 1
            order[j + 1] = row
    return order, offsets


@kernel
def journey_touches(
    first: int,
    last: int,
    end: float,
    time: NDArray[Any],
    channel: Codes,
    view: Bools,
    window: NDArray[Any],
    direct: Bools,
    ignore_direct: bool,
    click_beats_view: bool,
    lookback_touches: int,
    kept: Ints,
) -> int:
    """Write the touches in [first, last) of a journey that ends at `end` to `kept`; return how many."""
    n = 0
    other_than_direct = False
    for i in range(first, last):
        if end - time[i] <= window[np.int64(view[i]), channel[i]]:
            kept[n] = i
            n += 1
            other_than_direct |= not direct[channel[i]]
    if ignore_direct and other_than_direct:
        m = 0
        for k in range(n):
            if not direct[channel[kept[k]]]:
                kept[m] = kept[k]
                m += 1
        n = m
    if click_beats_view:
        clicks = 0
        for k in range(n):
            clicks += not view[kept[k]]
        if 0 < clicks < n:
            m = 0
            for k in range(n):
                if not view[kept[k]]:
                    kept[m] = kept[k]
                    m += 1
            n = m
    if n > lookback_touches:
        for k in range(lookback_touches):
            kept[k] = kept[n - lookback_touches + k]
        n = lookback_touches
    return n


@kernel
def journeys(
    write: bool,
    touch_offsets: Ints,
    touch_time: NDArray[Any],
    channel: Codes,
    view: Bools,
    conversion_offsets: Ints,
    conversion_time: NDArray[Any],
    window: NDArray[Any],
    longest_window: float,
    direct: Bools,
    ignore_direct: bool,
    click_beats_view: bool,
    lookback_touches: int,
    new_journey: bool,
    one_per_touch: bool,
    null_until: float,
    person: Codes,
    conversion: Ints,
    end_time: NDArray[Any],
    offsets: Ints,
    touch: Ints,
) -> tuple[int, int, int, int]:
    """Cut touches into journeys; return how many journeys, touches, and conversions and nulls left out.

    Called twice: to count, then with arrays of that size to `write`. A null journey has conversion -1.
    """
    j = t = uncounted = censored = 0
    most = 0
    for p in range(len(touch_offsets) - 1):
        most = max(most, touch_offsets[p + 1] - touch_offsets[p])
    kept = np.empty(most, dtype=np.int64)
    for p in range(len(touch_offsets) - 1):
        first = last = touch_offsets[p]
        stop = touch_offsets[p + 1]
        start_conversions, stop_conversions = conversion_offsets[p], conversion_offsets[p + 1]
        credited = -1
        for c in range(start_conversions, stop_conversions):
            end = conversion_time[c]
            if new_journey and c > start_conversions and end > conversion_time[c - 1]:
                first = last
            while last < stop and touch_time[last] <= end:
                last += 1
            while first < last and end - touch_time[first] > longest_window:
                first += 1
            n = journey_touches(
                first, last, end, touch_time, channel, view, window, direct, ignore_direct, click_beats_view,
                lookback_touches, kept,
            )  # fmt: skip
            if n > 0:
                if one_per_touch and kept[n - 1] == credited:
                    uncounted += 1
                    continue
                credited = kept[n - 1]
            if write:
                person[j], conversion[j], end_time[j] = p, c, end
                touch[t : t + n] = kept[:n]
                offsets[j + 1] = t + n
            j += 1
            t += n
        if start_conversions < stop_conversions:
            first = last if new_journey else stop
        if first == stop:
            continue
        end = touch_time[stop - 1]
        if end > null_until:
            censored += 1
            continue
        n = journey_touches(
            first, stop, end, touch_time, channel, view, window, direct, ignore_direct, click_beats_view,
            lookback_touches, kept,
        )  # fmt: skip
        if write:
            person[j], conversion[j], end_time[j] = p, -1, end
            touch[t : t + n] = kept[:n]
            offsets[j + 1] = t + n
        j += 1
        t += n
    return j, t, uncounted, censored


@kernel
def hash_rows(codes: Codes, offsets: Ints) -> NDArray[np.uint64]:
    """A 64-bit hash of every row of codes: the finaliser of splitmix64, chained over the row."""
    hashes = np.empty(len(offsets) - 1, dtype=np.uint64)
    for row in range(len(hashes)):
        h = np.uint64(offsets[row + 1] - offsets[row])
        for i in range(offsets[row], offsets[row + 1]):
            h += np.uint64(codes[i]) + np.uint64(0x9E3779B97F4A7C15)
            h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            h ^= h >> np.uint64(31)
        hashes[row] = h
    return hashes


@kernel
def group_rows(codes: Codes, offsets: Ints, hashes: NDArray[np.uint64]) -> tuple[Ints, Ints]:
    """The group [n] of every row and the first row of each group; equal rows share a group (exactly).

    Open addressing; the hash chooses the slot, the codes themselves decide equality.
    """
    rows = len(hashes)
    size = 16
    while size < 2 * rows:
        size *= 2
    slots = np.full(size, -1, dtype=np.int64)
    group = np.empty(rows, dtype=np.int64)
    first_row = np.empty(rows, dtype=np.int64)
    groups = 0
    for row in range(rows):
        start, length = offsets[row], offsets[row + 1] - offsets[row]
        slot = np.int64(hashes[row] & np.uint64(size - 1))
        while True:
            g = slots[slot]
            if g < 0:
                slots[slot] = g = groups
                first_row[g] = row
                groups += 1
                break
            other = first_row[g]
            same = hashes[other] == hashes[row] and offsets[other + 1] - offsets[other] == length
            k = 0
            while same and k < length:
                same = codes[offsets[other] + k] == codes[start + k]
                k += 1
            if same:
                break
            slot = (slot + 1) & (size - 1)
        group[row] = g
    return group, first_row[:groups].copy()


@kernel
def chosen_rows(codes: Codes, offsets: Ints, rows: Ints) -> tuple[Codes, Ints]:
    """The chosen rows of codes, one after the other, and their offsets."""
    chosen, begin = np.empty(len(rows) + 1, dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    chosen[0] = 0
    for i in range(len(rows)):
        begin[i] = offsets[rows[i]]
        chosen[i + 1] = chosen[i] + offsets[rows[i] + 1] - begin[i]
    taken = np.empty(chosen[-1], dtype=codes.dtype)
    at = np.uint64(0)  # unsigned: a signed index would be tested for wrapping
    for i in range(len(rows)):
        old, stop = np.uint64(begin[i]), np.uint64(chosen[i + 1])
        while at < stop:
            taken[at] = codes[old]
            at += np.uint64(1)
            old += np.uint64(1)
    return taken, chosen


@kernel
def count_outcomes(
    path: Ints, conversion_row: Ints, weight: Floats, value_micros: Ints, paths: int
) -> tuple[Floats, Ints, Floats]:
    """Conversions, value and nulls per path [paths + 1]; those without any touch come last."""
    conversions, nulls = np.zeros(paths + 1), np.zeros(paths + 1)
    value = np.zeros(paths + 1, dtype=np.int64)
    for j in range(len(path)):
        p = path[j]
        if conversion_row[j] >= 0:
            conversions[p] += weight[j]
            value[p] += np.int64(np.rint(weight[j])) * value_micros[j]
        else:
            nulls[p] += weight[j]
    return conversions, value, nulls


@kernel
def sum_shares(
    codes: Codes, offsets: Ints, shares: Floats, conversions: Floats, value_micros: Ints, channels: int
) -> tuple[Floats, Floats]:
    """Conversions and value per channel [channels]: the sums over its touches of share × path total."""
    credited, worth = np.zeros(channels), np.zeros(channels)
    for p in range(len(conversions)):
        if conversions[p] != 0:
            for i in range(offsets[p], offsets[p + 1]):
                credited[codes[i]] += shares[i] * conversions[p]
                worth[codes[i]] += shares[i] * value_micros[p]
    return credited, worth


@kernel
def state_keys(codes: Codes, offsets: Ints, order: int, base: int) -> Ints:
    """The latest touches at every touch, as a number: Σ (code `back` touches ago + 1) × base^back."""
    keys = np.empty(len(codes), dtype=np.int64)
    oldest = base ** (order - 1)
    for p in range(len(offsets) - 1):
        key = 0
        for i in range(offsets[p], offsets[p + 1]):
            if i - order >= offsets[p]:
                key -= (codes[i - order] + 1) * oldest
            key = key * base + codes[i] + 1
            keys[i] = key
    return keys


@kernel
def count_steps(
    state: NDArray[Any], codes: Codes, offsets: Ints, weight: Floats, states: int, channels: int
) -> tuple[Floats, Ints]:
    """How often each channel follows each state, and which state that is (-1: never) [states × channels]."""
    count, target = np.zeros(states * channels), np.full(states * channels, -1, dtype=np.int64)
    for p in range(len(weight)):
        if weight[p] > 0:
            for i in range(offsets[p] + 1, offsets[p + 1]):
                step = np.int64(state[i - 1]) * channels + codes[i]
                count[step] += weight[p]
                target[step] = state[i]
    return count, target


def canonical_groups(codes: Codes, offsets: Ints) -> tuple[Ints, Ints]:
    """Return `group_rows` with groups numbered by hash: the same whatever the order of the rows."""
    hashes = hash_rows(codes, offsets)
    order = np.argsort(hashes)
    in_order = hashes[order]
    if (in_order[1:] != in_order[:-1]).all():  # all rows differ, each is its own group
        return ranks(order), order
    group, first_row = group_rows(codes, offsets, hashes)
    order = np.argsort(hashes[first_row])
    return ranks(order)[group], first_row[order]


def ranks(order: Ints) -> Ints:
    """The place of every element in the order [n]."""
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank
