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
        days: length of the run.
    """

    operational: Any
    slowness: Any
    first_hour: Any
    end: float
    days: float


def build_calendar(days: float, first_weekday: str, weekday: list[float], hour: list[float]) -> Calendar:
    """The calendar of a run of `days` days; `weekday` (7) and `hour` (24) are rescaled to mean 1."""
    hours = int(np.ceil(days * 24.0)) + 1
    of_hour = np.asarray(hour) / np.mean(hour)
    of_weekday = np.asarray(weekday) / np.mean(weekday)
    first = WEEKDAYS.index(first_weekday)
    index = np.arange(hours)
    intensity = of_weekday[(first + index // 24) % 7] * of_hour[index % 24]
    operational = np.concatenate([[0.0], np.cumsum(intensity / 24.0)])
    cells = np.arange(int(np.floor(operational[-1] * CELLS_PER_DAY)) + 1) / CELLS_PER_DAY
    first_hour = (np.searchsorted(operational, cells, side="right") - 1).astype(np.uint32)
    slowness = 1.0 / (24.0 * np.diff(operational))
    return Calendar(operational, slowness, first_hour, float(operational[-1]), float(days))


@part
def clock_time(calendar: Calendar, operational: float) -> float:
    """Λ⁻¹(operational) in days, on the lattice; NEVER beyond the run."""
    if operational >= calendar.end:
        return NEVER
    # Unsigned, because an index that might be negative costs a comparison.
    hour = np.uint64(calendar.first_hour[np.uint64(int(operational * CELLS_PER_DAY))])
    while calendar.operational[hour + ONE] <= operational:
        hour += ONE
    days = np.int64(hour) / 24.0 + (operational - calendar.operational[hour]) * calendar.slowness[hour]
    if days >= calendar.days:
        return NEVER
    return (np.floor(days * LATTICE) + 0.5) / LATTICE  # type: ignore[no-any-return]  # compiled
