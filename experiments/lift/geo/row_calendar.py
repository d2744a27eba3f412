"""The calendar of a panel: which stretch of time a row stands for, and what its missing dates have in common, in days."""

import datetime
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cpalab.refusal import refuse
from experiments.lift.columns import day_of

__all__ = ["DAILY", "Step", "gap_problems", "nearest_date", "skipped", "step_of", "stretches_of"]

Days = NDArray[np.datetime64]
DAY = np.timedelta64(1, "D")
MONTHS = {1: "month", 3: "quarter", 6: "half-year", 12: "year"}


@dataclass(frozen=True)
class Step:
    """What one row stands for.

    Attributes:
        days: length in days, or 0 where rows follow the months of the calendar.
        months: length in months, or 0 where rows are of so many days.
    """

    days: int = 1
    months: int = 0

    @property
    def noun(self) -> str:
        """`day`, `week`, `month` …, or `stretch of 10 days`."""
        if self.months:
            return MONTHS.get(self.months, f"stretch of {self.months} months")
        return {1: "day", 7: "week"}.get(self.days, f"stretch of {self.days} days")

    @property
    def is_day(self) -> bool:
        """Whether rows are days."""
        return self.days == 1

    def of(self, rows: int) -> str:
        """So many rows in words: `5 weeks`."""
        many = self.noun.replace("stretch", "stretches", 1) if "stretch" in self.noun else f"{self.noun}s"
        return f"{rows:,} {self.noun if rows == 1 else many}"

    def after(self, date: np.datetime64, rows: int = 1) -> np.datetime64:
        """The date so many rows after this one; the last day of a month stays the last of its month."""
        day: Any = date.astype("datetime64[D]")
        if not self.months:
            return cast(np.datetime64, day + rows * self.days * DAY)
        month: Any = day.astype("datetime64[M]")
        is_last = (month + 1).astype("datetime64[D]") - DAY == day
        aim = month + rows * self.months
        last = (aim + 1).astype("datetime64[D]") - DAY
        within = aim.astype("datetime64[D]") + (day - month.astype("datetime64[D]"))
        return cast(np.datetime64, last if is_last or within > last else within)

    def rows_in(self, days: int, place: str) -> int:
        """Rows in a length given in days.

        Raises:
            LiftInputError: a length that is no whole number of rows.
        """
        if self.months:
            rows = round(days / (self.months * 365.25 / 12))
            if abs(days - rows * self.months * 365.25 / 12) <= 2 * max(rows, 1):
                return rows
        elif days % self.days == 0:
            return days // self.days
        a_row = f"{self.days} days" if self.days else f"about {self.months * 30.4:z.0f} days"
        refuse([f"{place}: {days} must be a whole number of rows; a row of this table is a {self.noun}, {a_row}"])
        return 0


DAILY = Step()


def step_of(dates: Days) -> Step | None:
    """The step from each date to the next, where it is one; None where dates are not equally spaced."""
    if dates.size < 2:
        return DAILY
    apart = np.diff(dates) // DAY
    if (apart == apart[0]).all():
        return Step(int(apart[0]))
    months = np.diff(dates.astype("datetime64[M]")).astype(int)
    if (months == months[0]).all() and months[0] > 0:
        step = Step(0, int(months[0]))
        # The last of February stands for the 28th of each month, or for the last: the latest day of a month tells.
        longest = dates[int(np.argmax((dates - dates.astype("datetime64[M]").astype("datetime64[D]")) // DAY))]
        months_away = np.cumsum(np.concatenate([[0], months])) // step.months
        place = int(np.flatnonzero(dates == longest)[0])
        if all(step.after(longest, int(k)) == date for k, date in zip(months_away - place, dates, strict=True)):
            return step
    return None


def stretches_of(skip: Sequence[str], place: str = "--skip") -> list[tuple[np.datetime64, np.datetime64]]:
    """First and last day of every `FROM..TO`; a single date is a stretch of one day.

    Raises:
        LiftInputError: a word that is no such stretch.
    """
    found: list[tuple[np.datetime64, np.datetime64]] = []
    problems = []
    for text in skip:
        first, dots, last = str(text).partition("..")
        days = day_of(first.strip()), day_of(last.strip() if dots else first.strip())
        if days[0] is None or days[1] is None:
            problems.append(f"{place}: {text} must be two dates; write 2026-02-09..2026-02-22")
        elif days[1] < days[0]:
            problems.append(f"{place}: {text} must not end before it begins; swap the dates")
        else:
            found.append((np.datetime64(days[0]), np.datetime64(days[1])))
    refuse(problems)
    return found


def skipped(dates: Days, stretches: Sequence[tuple[np.datetime64, np.datetime64]]) -> NDArray[np.bool_]:
    """Which of the dates lie in one of the stretches, of shape `(dates,)`."""
    inside = np.zeros(dates.size, dtype=bool)
    for first, last in stretches:
        inside |= (dates >= first) & (dates <= last)
    return inside


def gap_problems(calendar: Days, stretches: Sequence[tuple[np.datetime64, np.datetime64]]) -> tuple[Step, list[str]]:
    """The step of the calendar, and what is wrong with its spacing outside of the stretches left out.

    The hint names what is missing: weekends, a stretch, single days, or that rows follow no calendar at all.
    """
    whole = step_of(calendar)
    if whole is not None:
        return whole, []
    apart = np.diff(calendar) // DAY
    usual = _usual_step(calendar)
    if usual is None:
        place = int(np.argmax(apart != np.median(apart)))
        return DAILY, [
            f"date: {calendar[place]} is followed by {calendar[place + 1]}, and rows keep no common step; "
            "sum them to days, weeks or months"
        ]
    missing: list[np.datetime64] = []
    strange: list[np.datetime64] = []
    for here, there in itertools.pairwise(calendar):
        expected = usual.after(here)
        while expected < there:
            missing.append(expected)
            expected = usual.after(expected)
        if expected != there:
            strange.append(there)
    if strange:
        return usual, [
            f"date: {strange[0]} is not a whole number of {usual.noun}s after the row before it; most rows are "
            f"{usual.noun}s: correct the date, or sum all rows to one step"
        ]
    left = np.array(missing)[~skipped(np.array(missing), stretches)] if missing else np.array([])
    return usual, [_missing_dates(calendar, left, usual)] if left.size else []


def nearest_date(dates: Days, day: datetime.date, step: Step) -> str:
    """Why a date is none of the table's, and which is nearest."""
    wanted = np.datetime64(day)
    nearest = dates[int(np.argmin(np.abs((dates - wanted) // DAY)))]
    if not dates[0] <= wanted <= dates[-1]:
        return f"which runs from {dates[0]} to {dates[-1]}"
    if step.is_day:
        return f"in which it was left out; the nearest is {nearest}"
    return f"whose rows are {step.noun}s; the nearest is {nearest}"


def _usual_step(calendar: Days) -> Step | None:
    """The step that most neighbours keep; None where no step is kept by two in three."""
    apart = np.diff(calendar) // DAY
    values, counts = np.unique(apart, return_counts=True)
    common = int(values[np.argmax(counts)])
    months = np.diff(calendar.astype("datetime64[M]")).astype(int)
    if common >= 28:
        kinds, of_each = np.unique(months, return_counts=True)
        return Step(0, int(kinds[np.argmax(of_each)])) if of_each.max() >= 2 / 3 * months.size else None
    # Working days alone: four in five neighbours are a day apart.
    return Step(common) if counts.max() >= 2 / 3 * apart.size else None


def weekdays_of(dates: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """The weekday of every date, Monday is 0 (n_dates,)."""
    return (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7


def _missing_dates(calendar: Days, missing: Days, step: Step) -> str:
    weekdays, present = weekdays_of(missing), weekdays_of(calendar)
    first, last, number = missing[0], missing[-1], missing.size
    if step.is_day and (weekdays >= 5).all() and not (present >= 5).any():
        return (
            f"date: no Saturday or Sunday has a row (first {first}); if nothing happens on weekends sum the rows to weeks, "
            "else export those days too"
        )
    if step.is_day and not np.isin(weekdays, present).any():
        return f"date: some weekdays never have a row (first {first}); sum the rows to weeks, or export those days too"
    together = number > 1 and step.after(first, number - 1) == last
    if together:
        return (
            f"date: {step.of(number)} from {first} to {last} without a row of any geo must have rows; export them again, or "
            f"leave the stretch out on purpose with --skip {first}..{last}"
        )
    named, more = [str(date) for date in missing[:3]], " …" if number > 3 else ""
    return (
        f"date: {step.of(number)} without a row of any geo ({', '.join(named)}{more}) must have rows; export them again, or "
        f"leave them out on purpose with --skip {' --skip '.join(named)}{more}"
    )
