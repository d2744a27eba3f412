"""The calendar: how many days of clock time a stretch of operational time lasts, by weekday and hour.

Activity per unit of clock time varies with weekday and hour; operational time is its integral, Λ(t). Sessions are a
Poisson process in operational time, so that gaps are exponential there, and busy hours are those where it runs fast.
"""

from typing import Any, NamedTuple

import numpy as np

from simulator.compiled import part

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LATTICE = 2.0**20  # points per day; session times lie half a point off, so differences of times are exact
NEVER = 1e9  # days


class Calendar(NamedTuple):
    """Λ at every full hour, and where to start looking for its inverse.

    Attributes:
        operational: Λ(hour/24), in days, (hours + 1,), rising.
        first_hour: for each 1/24 of operational time, the hour in which it begins, (hours,).
        days: length of the run.
    """

    operational: Any
    first_hour: Any
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
    cells = np.arange(int(np.floor(operational[-1] * 24.0)) + 1) / 24.0
    first_hour = np.searchsorted(operational, cells, side="right") - 1
    return Calendar(operational, first_hour.astype(np.int64), float(days))


@part
def clock_time(calendar: Calendar, operational: float) -> float:
    """Λ⁻¹(operational) in days, on the lattice; NEVER beyond the run."""
    if operational >= calendar.operational[-1]:
        return NEVER
    hour = calendar.first_hour[int(operational * 24.0)]
    while calendar.operational[hour + 1] <= operational:
        hour += 1
    start = calendar.operational[hour]
    days = (hour + (operational - start) / (calendar.operational[hour + 1] - start)) / 24.0
    if days >= calendar.days:
        return NEVER
    return (np.floor(days * LATTICE) + 0.5) / LATTICE  # type: ignore[no-any-return]  # compiled
