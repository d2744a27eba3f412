"""`build_paths`: touches and conversions (any data frame) become paths under named conventions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.paths import kernels
from attribution.paths.journeys import Journeys
from attribution.paths.paths import Paths
from attribution.paths.ragged import Codes, Ints
from attribution.paths.settings import PathSettings
from attribution.paths.tables import (
    NANOSECONDS_PER_DAY,
    Conversions,
    Touches,
    people_codes,
    read_conversions,
    read_touches,
)
from attribution.paths.tally import Tally
from cpalab.refusal import InvalidInputError


def build_paths(
    touches: Any, conversions: Any, settings: PathSettings | None = None, *, keep_journeys: bool = True
) -> Paths:
    """Cut touches into journeys, converting or not, and group these into distinct paths.

    Args:
        touches: a data frame (any that narwhals knows), an Arrow table or a mapping of columns: `user_id`,
            `time`, `channel`, and optionally `kind` ("click" or "view"). Other columns are left alone;
            `Journeys.touch_row` leads back to them. Rows may come in any order.
        conversions: likewise `user_id`, `time`, and optionally `order_id` and `value_micros` or `value`.
            `time` is a number of days in both tables, or a datetime in both.
        settings: the conventions; by default those of `PathSettings()`.
        keep_journeys: keep the touch-level view in `Paths.journeys`, which models of time, lag tables and the
            bootstrap over people need; without it only counts of distinct paths stay in memory.

    Returns:
        Distinct paths with their counts. Conversions without any eligible touch are kept as unattributed, and
        `Paths.tally` says what became of every row.

    Raises:
        InvalidInputError: if the tables break a rule, with every broken rule.

    Example:
        >>> from attribution import build_paths
        >>> touches = {"user_id": ["ann", "ann", "bob"], "time": [1.0, 2.0, 3.0], "channel": ["search", "email", "search"]}
        >>> paths = build_paths(touches, {"user_id": ["ann"], "time": [2.5]})
        >>> paths.to_frame()["path"].tolist()
        ['search > email', 'search']
    """
    settings = settings or PathSettings()
    problems: list[str] = []
    read, bought = read_touches(touches, problems), read_conversions(conversions, problems)
    if read is None or bought is None:
        raise InvalidInputError(problems)
    clocks = {table.clock for table in (read, bought) if len(table.time)}
    if len(clocks) > 1:
        problems.append(f"time: {read.clock} in touches but {bought.clock} in conversions; use one clock")
    touch_person, conversion_person, people = people_codes(read, bought, problems)
    _check_moments(read, bought, settings, problems)
    if problems:
        raise InvalidInputError(problems)
    kept = _kept_touches(read, settings)
    order = _orders_by_person(conversion_person, bought, settings, people)
    journeys, tally = _cut(read, bought, settings, touch_person, kept, order, people)
    return Paths.from_journeys(journeys, keep_journeys=keep_journeys, tally=tally)


@dataclass(frozen=True, eq=False)
class _Orders:
    """Conversions without duplicates by person and time: their rows, and where each person starts."""

    rows: Ints
    offsets: Ints
    duplicates: int


def _kept_touches(touches: Touches, settings: PathSettings) -> Ints | None:
    """The rows of touches that may enter paths at all; None if all may."""
    keep = np.ones(len(touches.time), dtype=np.bool_)
    if settings.touches == "clicks":
        keep &= ~touches.view
    if settings.direct == "dropped":
        direct = np.array([settings.is_direct(name) for name in touches.channels], dtype=np.bool_)
        keep &= ~direct[touches.channel]
    return None if keep.all() else np.flatnonzero(keep)


def _orders_by_person(person: Codes, conversions: Conversions, settings: PathSettings, people: int) -> _Orders:
    rows, offsets = kernels.order_by_person_and_time(person, conversions.time, people)
    order = conversions.order[rows]
    if settings.duplicate_orders == "all_kept" or not (order >= 0).any():
        return _Orders(rows, offsets, 0)
    key = person[rows].astype(np.int64) * (order.max() + 1) + order
    first = order < 0
    named = np.flatnonzero(~first)
    first[named[np.unique(key[named], return_index=True)[1]]] = True
    counts = np.bincount(person[rows[first]], minlength=people)
    return _Orders(rows[first], np.append(0, np.cumsum(counts)), int(np.count_nonzero(~first)))


def _touches_by_person(person: Codes, time: NDArray[Any], kept: Ints | None, people: int) -> tuple[Ints, Ints]:
    """The rows of the kept touches by person and time, and where each person starts in them."""
    if kept is None:
        return kernels.order_by_person_and_time(person, time, people)
    order, offsets = kernels.order_by_person_and_time(person[kept], time[kept], people)
    return kept[order], offsets


def _cut(
    touches: Touches,
    conversions: Conversions,
    settings: PathSettings,
    touch_person: Codes,
    kept: Ints | None,
    orders: _Orders,
    people: int,
) -> tuple[Journeys, Tally]:
    """Run the kernel twice, to count and to write, and give its arrays their meaning."""
    clock = _Clock.of(touches, conversions)
    touch_time, conversion_time = clock.exact(touches.time), clock.exact(conversions.time)
    observed_until = _observed_until(touch_time, conversion_time, settings)
    order, offsets = _touches_by_person(touch_person, touch_time, kept, people)
    channels = touches.channels
    window = clock.durations([[settings.window_days(name, view=view) for name in channels] for view in (False, True)])
    possible = window[:1] if settings.touches == "clicks" else window
    longest = possible.max() if possible.size else window.dtype.type(0)
    closed = observed_until - longest if longest < clock.longest else -clock.longest
    null_until = {"all": clock.longest, "uncensored": closed, "none": -clock.longest}[settings.nulls]
    rows = kernels.TouchRows(offsets, touch_time[order], touches.channel[order], touches.view[order])
    start = settings.counted_from
    counted_from = -clock.longest if start is None else touch_time.dtype.type(_moment(start))
    rules = kernels.JourneyRules(
        window=window,
        longest_window=longest,
        direct=np.array([settings.is_direct(name) for name in channels], dtype=np.bool_),
        ignore_direct=settings.direct == "ignored_unless_alone",
        click_beats_view=settings.touches == "clicks_and_views" and settings.click_beats_view,
        lookback_touches=settings.lookback_touches or np.iinfo(np.int64).max,
        new_journey=settings.after_conversion == "new_journey",
        one_per_touch=settings.counting == "one_per_touch",
        null_until=null_until,
        counted_from=counted_from,
    )
    given = rows, orders.offsets, conversion_time[orders.rows], rules
    count, length, uncounted, left_out = kernels.journeys(False, *given, _room(0, 0, rows.time))
    found = _room(count, length, rows.time)
    kernels.journeys(True, *given, found)

    converted, touch = found.conversion >= 0, found.touch
    row = np.where(converted, np.append(orders.rows, -1)[found.conversion], -1)
    journeys = Journeys(
        channels=channels,
        offsets=found.offsets,
        channel=rows.channel[touch],
        view=rows.is_view[touch],
        touch_row=order[touch],
        age_days=clock.days(np.repeat(found.end_time, np.diff(found.offsets)) - rows.time[touch]),
        conversion_row=row,
        person=np.cumsum(np.diff(found.person, prepend=found.person[:1]) != 0, dtype=np.int32),
        weight=np.ones(count),
        value_micros=np.append(conversions.value_micros, 0)[row],
        follow_up_days=clock.days(observed_until - found.end_time),
    )
    used = np.zeros(len(order), dtype=np.bool_)
    used[touch] = True
    return journeys, Tally(
        touches=len(touch_time),
        touches_excluded=len(touch_time) - len(order),
        touches_outside_every_journey=len(order) - int(np.count_nonzero(used)),
        conversions=len(conversion_time),
        duplicate_orders=orders.duplicates,
        conversions_not_counted=uncounted,
        conversions_before_the_count=int(np.count_nonzero(conversion_time[orders.rows] < counted_from)),
        censored_nulls=int(np.count_nonzero(~converted & (found.end_time > closed))) if settings.nulls == "all" else 0,
        nulls_left_out=left_out,
    )


def _room(journeys: int, touches: int, time: NDArray[Any]) -> kernels.JourneyRows:
    return kernels.JourneyRows(
        person=np.empty(journeys, dtype=np.int32),
        conversion=np.empty(journeys, dtype=np.int64),
        end_time=np.empty(journeys, dtype=time.dtype),
        offsets=np.zeros(journeys + 1, dtype=np.int64),
        touch=np.empty(touches, dtype=np.int64),
    )


@dataclass(frozen=True)
class _Clock:
    """The unit of time of the data: float days, or integer nanoseconds, in which windows are exact."""

    datetimes: bool

    @staticmethod
    def of(touches: Touches, conversions: Conversions) -> _Clock:
        filled = touches if len(touches.time) else conversions
        return _Clock(len(filled.time) > 0 and filled.clock != "days")

    @property
    def longest(self) -> Any:
        return np.int64(np.iinfo(np.int64).max) if self.datetimes else np.float64(math.inf)

    def exact(self, time: NDArray[Any]) -> NDArray[Any]:
        return time.astype(np.int64 if self.datetimes else np.float64, copy=False)

    def durations(self, days: list[list[float]]) -> NDArray[Any]:
        exact = np.array(days, dtype=np.float64).reshape(2, -1)
        if not self.datetimes:
            return exact
        nanoseconds = np.rint(exact * NANOSECONDS_PER_DAY)
        limitless = nanoseconds >= float(self.longest)
        return np.where(limitless, self.longest, np.where(limitless, 0, nanoseconds).astype(np.int64))

    def days(self, time: NDArray[Any]) -> NDArray[np.float64]:
        return time / NANOSECONDS_PER_DAY if self.datetimes else time.astype(np.float64, copy=False)


def _check_moments(touches: Touches, conversions: Conversions, settings: PathSettings, problems: list[str]) -> None:
    until = settings.observed_until
    filled = [table for table in (touches, conversions) if len(table.time)]
    if not filled:
        return
    other_clock = {
        name: moment
        for name, moment in (("observed_until", until), ("counted_from", settings.counted_from))
        if moment is not None and isinstance(moment, datetime) != (filled[0].clock != "days")
    }
    for name, moment in other_clock.items():
        problems.append(f"settings.{name}: {moment!r} is not on the clock of the data, {filled[0].clock}")
    if until is None or "observed_until" in other_clock:
        return
    if _moment(until) < max(table.time.max() for table in filled):
        problems.append(f"settings.observed_until: {until!r} lies before the latest time in the data")


def _moment(until: float | datetime) -> Any:
    """Days as they are, and a datetime as nanoseconds since 1970."""
    if not isinstance(until, datetime):
        return float(until)
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000


def _observed_until(touch_time: NDArray[Any], conversion_time: NDArray[Any], settings: PathSettings) -> Any:
    if settings.observed_until is not None:
        return touch_time.dtype.type(_moment(settings.observed_until))
    latest = [time.max() for time in (touch_time, conversion_time) if len(time)]
    return max(latest) if latest else touch_time.dtype.type(0)
