"""Response and cost (units of money) per geo and day as arrays, read from a table of geos × days."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.refusal import choice_problems, refuse
from experiments.lift.columns import coded, day_of, days, frame_of, numbers

__all__ = [
    "GeoExperiment",
    "GeoPanel",
    "MissingRows",
    "Outcome",
    "geo_experiment",
    "geo_panel",
]

MissingRows = Literal["refuse", "zero"]
Outcome = Literal["conversions", "value"]

# The field's names: GeoLift's first, then those of the regression packages, then plain ones.
NAMES = {
    "geo": ("location", "geo"),
    "date": ("date",),
    "response": ("Y", "response", "conversions", "sales", "value"),
    "cost": ("cost",),
}


@dataclass(frozen=True, eq=False)
class GeoPanel:
    """A complete panel.

    Attributes:
        geos: names, of length G, in ascending order.
        dates: equally spaced dates of shape `(T,)`.
        response: outcome of shape `(G, T)`.
        cost: cost in units of money of shape `(G, T)`; None where the table has none.
        filled: number of cells that had no row in the table and count as zero.
    """

    geos: tuple[str, ...]
    dates: NDArray[np.datetime64]
    response: NDArray[np.float64]
    cost: NDArray[np.float64] | None = None
    filled: int = 0


@dataclass(frozen=True, eq=False)
class GeoExperiment:
    """A panel with its design: which geos were treated, and when.

    Attributes:
        panel: response and cost.
        is_treated: of shape `(G,)`.
        pre_days: number of days before the test; they are the first of the panel.
        test_days: number of days of the test, which follow.
        cooldown_days: days after the test whose response still counts.
        outcome: whether the response counts conversions or is value in units of money.
    """

    panel: GeoPanel
    is_treated: NDArray[np.bool_]
    pre_days: int
    test_days: int
    cooldown_days: int = 0
    outcome: Outcome = "conversions"

    @property
    def pre(self) -> slice:
        """The days before the test."""
        return slice(0, self.pre_days)

    @property
    def test(self) -> slice:
        """The days of the test, on which cost counts."""
        return slice(self.pre_days, self.pre_days + self.test_days)

    @property
    def window(self) -> slice:
        """The days on which the response counts: test and cool-down."""
        return slice(self.pre_days, self.pre_days + self.test_days + self.cooldown_days)

    @property
    def everything(self) -> slice:
        """All days up to the end of the window."""
        return slice(0, self.window.stop)

    @property
    def treated(self) -> NDArray[np.float64]:
        """Response of the treated geos, of shape `(treated, days)`."""
        return self.panel.response[self.is_treated, self.everything]

    @property
    def control(self) -> NDArray[np.float64]:
        """Response of the other geos, of shape `(controls, days)`."""
        return self.panel.response[~self.is_treated, self.everything]


def unknown_geos(panel: GeoPanel, names: Sequence[str], place: str) -> list[str]:
    """A problem for each name that is no geo of the panel; `place` is where it was given."""
    problems = []
    for geo in sorted(set(names) - set(panel.geos)):
        close = difflib.get_close_matches(geo, panel.geos, n=1)
        hint = f"did you mean {close[0]}?" if close else f"the panel has {', '.join(panel.geos[:5])} …"
        problems.append(f"{place}: {geo} must be a geo of the table; {hint}")
    return problems


def geo_experiment(
    panel: GeoPanel,
    treated: Sequence[str],
    start: str,
    end: str,
    *,
    cooldown_days: int = 0,
    outcome: Outcome = "conversions",
) -> GeoExperiment:
    """The design of a geo test.

    Args:
        panel: response and cost.
        treated: names of the geos whose advertising was changed.
        start: first date of the test, as YYYY-MM-DD.
        end: its last date.
        cooldown_days: days after `end` whose response still counts (conversions come later than ads). Choose
            it from the known delay, before looking: a longer window is a noisier one.
        outcome: what the response is.

    Raises:
        LiftInputError: unknown, no or all geos treated, dates outside the panel or out of order, negative conversions;
            all at once.
    """
    problems = choice_problems("outcome", outcome, get_args(Outcome))
    negative = int((panel.response < 0).sum())
    if negative and outcome == "conversions":
        problems.append(
            f"response: {negative:,} negative values must be at least 0; if it is value with refunds, ask for outcome value"
        )
    names = [str(geo) for geo in treated]
    problems += unknown_geos(panel, names, "treated")
    if not names:
        problems.append("treated: nothing given must name at least one geo; list the geos that were treated")
    elif set(panel.geos) <= set(names):
        problems.append("treated: every geo is treated; at least one must be left as a control")
    first = _day(panel, "start", start, problems)
    last = _day(panel, "end", end, problems)
    if first is not None and last is not None:
        if last < first:
            problems.append(f"end: {end} must not be before start: {start}; swap them")
        if first < 3:
            problems.append(f"start: {start} must leave at least three days before the test, has {first}")
        after = panel.dates.size - 1 - last
        if not 0 <= cooldown_days <= after:
            problems.append(f"cooldown_days: {cooldown_days} must lie between 0 and {after}, the days after {end}")
    refuse(problems)
    chosen = np.isin(np.array(panel.geos), names)
    # None only where a problem was refused above.
    first, last = first or 0, last or 0
    return GeoExperiment(panel, chosen, first, last - first + 1, cooldown_days, outcome)


def _day(panel: GeoPanel, place: str, date: str, problems: list[str]) -> int | None:
    day = day_of(date)
    if day is None:
        problems.append(f"{place}: {date} must be a date; write 2026-03-01")
        return None
    found = np.flatnonzero(panel.dates == np.datetime64(day))
    if found.size:
        return int(found[0])
    problems.append(
        f"{place}: {date} must be a date of the table, which runs from {panel.dates[0]} to {panel.dates[-1]}"
    )
    return None


def geo_panel(data: Any, *, missing_rows: MissingRows = "refuse") -> GeoPanel:
    """Read a panel from a table with one row per geo and day.

    Args:
        data: any data frame narwhals reads, with the columns `location, date, Y[, cost]` or `date, geo,
            response[, cost]` (`sales`, `conversions` and `value` serve as `response` too).
        missing_rows: what an absent row of a geo and day means: `refuse` (the record may be broken) or `zero`
            (exports that leave out days without sales); how many are filled is counted.

    Raises:
        LiftInputError: columns missing or of the wrong kind, dates that are none or skip days, two rows for a
            geo and day, missing rows or values, negative costs, a response that never varies, fewer than two geos;
            all at once.
    """
    frame = frame_of(data)
    refuse(choice_problems("missing_rows", missing_rows, get_args(MissingRows)))
    names = _columns(frame.columns)
    problems: list[str] = []
    response = numbers(frame, names["response"], problems)
    cost = numbers(frame, names["cost"], problems, "book credits in another column") if "cost" in names else None
    codes, labels = coded(frame, names["geo"], problems)
    dates = days(frame, names["date"], problems)
    refuse(problems)

    name_codes, geos = pd.factorize(np.array([str(label) for label in labels], dtype=object), sort=True)
    calendar, day_codes = np.unique(dates, return_inverse=True)
    cells = name_codes[codes] * calendar.size + day_codes
    rows = np.bincount(cells, minlength=geos.size * calendar.size)
    problems = []
    if np.ptp(response) == 0 and rows.all():
        problems.append(
            f"{names['response']}: {response[0]:g} in every row must vary; there is nothing to compare: check what it counts"
        )
    problems += _shape_problems(rows, np.asarray(geos), calendar, missing_rows)
    refuse(problems)

    def spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
        summed = np.bincount(cells, weights=values, minlength=rows.size)
        return np.asarray(summed.reshape(geos.size, calendar.size), dtype=np.float64)

    return GeoPanel(
        tuple(str(geo) for geo in geos),
        calendar,
        spread(response),
        None if cost is None else spread(cost),
        filled=int((rows == 0).sum()),
    )


def _columns(present: Sequence[str]) -> dict[str, str]:
    """The column of the table that plays each role."""
    problems, names = [], {}
    for role, choices in NAMES.items():
        given = [name for name in choices if name in present]
        if len(given) == 1 or (given and role == "geo"):
            names[role] = given[0]
        elif given:
            problems.append(f"{', '.join(given)}: only one may be the response; drop or rename the others")
        elif role != "cost":
            close = difflib.get_close_matches(choices[-1], present, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the table has {', '.join(present)}"
            problems.append(f"{' or '.join(choices)}: column is required; {hint}")
    refuse(problems)
    return names


def _shape_problems(
    rows: NDArray[np.intp], geos: NDArray[Any], calendar: NDArray[np.datetime64], missing_rows: MissingRows
) -> list[str]:
    problems = []
    if geos.size < 2:
        problems.append(f"geo: {geos.size} geos must be at least 2; a test compares treated with other geos")
    steps = np.diff(calendar)
    if steps.size and (steps != steps[0]).any():
        place = int(np.flatnonzero(steps != steps.min())[0])
        problems.append(
            f"date: {calendar[place]} is followed by {calendar[place + 1]}; dates must be equally spaced: "
            "add the missing days"
        )

    def example(chosen: NDArray[np.bool_]) -> str:
        cell = int(np.flatnonzero(chosen)[0])
        return f"first {geos[cell // calendar.size]} on {calendar[cell % calendar.size]}"

    repeated, absent = rows > 1, rows == 0
    if repeated.any():
        problems.append(
            f"geo, date: {int(repeated.sum()):,} pairs have several rows and must have one; sum them "
            f"({example(repeated)})"
        )
    if absent.any() and missing_rows == "refuse":
        problems.append(
            f"geo, date: {int(absent.sum()):,} pairs have no row and must have one ({example(absent)}); "
            "if no row means no sales, ask for missing_rows='zero'"
        )
    return problems
