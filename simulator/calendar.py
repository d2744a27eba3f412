"""The calendar: how many days of clock time a stretch of operational time lasts, by weekday and hour.

Activity per unit of clock time varies with weekday and hour; operational time is its integral, Λ(t). Sessions are a
Poisson process in operational time, so that gaps are exponential there, and busy hours are those where it runs fast.
"""

from typing import Any, NamedTuple

import numpy as np

from simulator.compiled import part

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LATTICE = 2.0**20  # points per day; session times lie half a point off, so differences of times are exact
CELLS_PER_DAY = 96.0  # fine enough that a cell rarely spans a full hour, coarse enough to stay in the processor's cache
NEVER = 1e9  # days
ONE = np.uint64(1)


class Calendar(NamedTuple):
    """Λ at every full hour, and what finds its inverse quickly.

    Attributes:
        operational: Λ(hour/24), in days, (hours + 1,), rising.
        slowness: days of clock time per day of operational time in each hour, (hours,).
        first_hour: for each 1/CELLS_PER_DAY of operational time, the hour in which it begins.
        end: Λ at the end of the last hour.
        start: the day on which hour 0 begins, zero or negative: the warm-up lies before day 0.
        days: the end of the reported window; ads and fees end there.
        last_day: the end of the follow-up.
    """

    operational: Any
    slowness: Any
    first_hour: Any
    end: float
    start: float
    days: float
    last_day: float


def build_calendar(
    days: float,
    first_weekday: str,
    weekday: list[float],
    hour: list[float],
    *,
    start: int = 0,
    end: float | None = None,
) -> Calendar:
    """The calendar of a run whose reported window is `days` days; `weekday` (7) and `hour` (24) are rescaled to mean 1.

    Args:
        days: the end of the reported window.
        first_weekday: that of day 0.
        start: first day of the warm-up.
        end: end of the follow-up; none: that of the reported window.
    """
    last_day = days if end is None else end
    hours = int(np.ceil((last_day - start) * 24.0)) + 1
    of_hour = np.asarray(hour) / np.mean(hour)
    of_weekday = np.asarray(weekday) / np.mean(weekday)
    first = WEEKDAYS.index(first_weekday) + start
    index = np.arange(hours)
    intensity = of_weekday[(first + index // 24) % 7] * of_hour[index % 24]
    operational = np.concatenate([[0.0], np.cumsum(intensity / 24.0)])
    cells = np.arange(int(np.floor(operational[-1] * CELLS_PER_DAY)) + 1) / CELLS_PER_DAY
    first_hour = (np.searchsorted(operational, cells, side="right") - 1).astype(np.uint32)
    slowness = 1.0 / (24.0 * np.diff(operational))
    return Calendar(
        operational,
        slowness,
        first_hour,
        float(operational[-1]),
        float(start),
        on_lattice(days),
        on_lattice(last_day),
    )


@part
def clock_time(calendar: Calendar, operational: float) -> float:
    """Λ⁻¹(operational) in days, on the lattice; NEVER beyond the run."""
    if operational >= calendar.end:
        return NEVER
    # Unsigned, because an index that might be negative costs a comparison.
    hour = np.uint64(calendar.first_hour[np.uint64(int(operational * CELLS_PER_DAY))])
    while calendar.operational[hour + ONE] <= operational:
        hour += ONE
    days = np.int64(hour) / 24.0 + (operational - calendar.operational[hour]) * calendar.slowness[hour] + calendar.start
    if days >= calendar.last_day:
        return NEVER
    return (np.floor(days * LATTICE) + 0.5) / LATTICE  # type: ignore[no-any-return]  # compiled


def on_lattice(day: float) -> float:
    """The first lattice point at or after a day."""
    return float(np.ceil(day * LATTICE) / LATTICE)


def operational_days(calendar: Calendar, day: float) -> float:
    """Λ at a day of the run: how much of people's activity lies between the start and it, in days."""
    hours = np.arange(calendar.operational.size)
    return float(np.interp((day - calendar.start) * 24.0, hours, calendar.operational))


@part
def latest_before_end(calendar: Calendar, time: float) -> float:
    """The last moment of the part of the run (warm-up, reported window, follow-up) that a time lies in."""
    if time < 0.0:
        return -0.5 / LATTICE
    end = calendar.days if time < calendar.days else calendar.last_day
    return end - 0.5 / LATTICE


@part
def is_reported(calendar: Calendar, time: float) -> bool:
    """Whether a time lies in the reported window."""
    return 0.0 <= time < calendar.days
