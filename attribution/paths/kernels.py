"""Compiled kernels: order touches by person and time, select the touches of each journey, group equal paths.

They know integer codes and plain arrays only; `build` and `paths` give them meaning. Times are in the unit of
the data: float days, or integer nanoseconds, so that windows are exact for datetimes too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

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


class TouchRows(NamedTuple):
    """Touches by person and time: where each person's start [people + 1]; time, channel code and view of each [n]."""

    offsets: Ints
    time: NDArray[Any]
    channel: Codes
    is_view: Bools


class JourneyRules(NamedTuple):
    """What cuts touches into journeys, in the unit of time of the data.

    Attributes:
        window: how long a click, then a view, of each channel counts [2, n_channels]; `longest_window` of those in use.
        direct: whether each channel is direct traffic [n_channels]; ignored beside others if `ignore_direct`.
        click_beats_view: whether views leave a journey that has a click.
        lookback_touches: how many of the latest touches stay.
        new_journey: whether a conversion ends the journey; else the next sees the same touches.
        one_per_touch: whether a last touch is credited with one conversion only.
        null_until: a journey without conversion counts if its last touch is not later.
        counted_from: a journey counts if it does not end earlier; an earlier conversion still ends its journey.
    """

    window: NDArray[Any]
    longest_window: Any
    direct: Bools
    ignore_direct: bool
    click_beats_view: bool
    lookback_touches: int
    new_journey: bool
    one_per_touch: bool
    null_until: Any
    counted_from: Any


class JourneyRows(NamedTuple):
    """Room for journeys: person, conversion (-1: none), end and offsets of each, and the touches of all."""

    person: Codes
    conversion: Ints
    end_time: NDArray[Any]
    offsets: Ints
    touch: Ints


@kernel
def journey_touches(first: int, last: int, end: float, touches: TouchRows, rules: JourneyRules, kept: Ints) -> int:
    """Write the touches in [first, last) of a journey that ends at `end` to `kept`; return how many."""
    channel, view, direct = touches.channel, touches.is_view, rules.direct
    n = 0
    other_than_direct = False
    for i in range(first, last):
        if end - touches.time[i] <= rules.window[np.int64(view[i]), channel[i]]:
            kept[n] = i
            n += 1
            other_than_direct |= not direct[channel[i]]
    if rules.ignore_direct and other_than_direct:
        m = 0
        for k in range(n):
            if not direct[channel[kept[k]]]:
                kept[m] = kept[k]
                m += 1
        n = m
    if rules.click_beats_view:
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
    if n > rules.lookback_touches:
        for k in range(rules.lookback_touches):
            kept[k] = kept[n - rules.lookback_touches + k]
        n = rules.lookback_touches
    return n


@kernel
def journeys(
    write: bool,
    touches: TouchRows,
    conversion_offsets: Ints,
    conversion_time: NDArray[Any],
    rules: JourneyRules,
    out: JourneyRows,
) -> tuple[int, int, int, int]:
    """Cut touches into journeys; return how many journeys, touches, and conversions and nulls left out.

    Called twice: to count, then with arrays of that size to `write`. A null journey has conversion -1.
    """
    j = t = uncounted = censored = 0
    most = 0
    for p in range(len(touches.offsets) - 1):
        most = max(most, touches.offsets[p + 1] - touches.offsets[p])
    kept = np.empty(most, dtype=np.int64)
    for p in range(len(touches.offsets) - 1):
        first = last = touches.offsets[p]
        stop = touches.offsets[p + 1]
        start_conversions, stop_conversions = conversion_offsets[p], conversion_offsets[p + 1]
        credited = -1
        for c in range(start_conversions, stop_conversions):
            end = conversion_time[c]
            if rules.new_journey and c > start_conversions and end > conversion_time[c - 1]:
                first = last
            while last < stop and touches.time[last] <= end:
                last += 1
            while first < last and end - touches.time[first] > rules.longest_window:
                first += 1
            n = journey_touches(first, last, end, touches, rules, kept)
            if n > 0:
                if rules.one_per_touch and kept[n - 1] == credited:
                    uncounted += end >= rules.counted_from
                    continue
                credited = kept[n - 1]
            if end < rules.counted_from:
                continue
            if write:
                out.person[j], out.conversion[j], out.end_time[j] = p, c, end
                out.touch[t : t + n] = kept[:n]
                out.offsets[j + 1] = t + n
            j += 1
            t += n
        if start_conversions < stop_conversions:
            first = last if rules.new_journey else stop
        if first == stop:
            continue
        end = touches.time[stop - 1]
        if end > rules.null_until or end < rules.counted_from:
            censored += 1
            continue
        n = journey_touches(first, stop, end, touches, rules, kept)
        if write:
            out.person[j], out.conversion[j], out.end_time[j] = p, -1, end
            out.touch[t : t + n] = kept[:n]
            out.offsets[j + 1] = t + n
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
