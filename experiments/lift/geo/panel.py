"""Response and cost (units of money) per geo and day as arrays, read from a table of geos × days."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.lift.refusal import LiftInputError, refuse

__all__ = [
    "GeoExperiment",
    "GeoPanel",
    "MissingRows",
    "Outcome",
    "dates_of",
    "geo_experiment",
    "geo_panel",
    "number_problems",
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
    """

    geos: tuple[str, ...]
    dates: NDArray[np.datetime64]
    response: NDArray[np.float64]
    cost: NDArray[np.float64] | None = None


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
        LiftInputError: unknown, no or all geos treated, dates outside the panel or out of order; all at once.
    """
    problems = []
    names = [str(geo) for geo in treated]
    for geo in sorted(set(names) - set(panel.geos)):
        close = difflib.get_close_matches(geo, panel.geos, n=1)
        hint = f"did you mean {close[0]}?" if close else f"the panel has {', '.join(panel.geos[:5])} …"
        problems.append(f"treated: {geo} must be a geo of the table; {hint}")
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
    try:
        day = np.datetime64(date, "D")
    except ValueError:
        problems.append(f"{place}: {date} must be a date; write 2026-03-01")
        return None
    found = np.flatnonzero(panel.dates == day)
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
            (exports that leave out days without sales).

    Raises:
        LiftInputError: columns missing or of the wrong kind, dates that are none or skip days, two rows for a
            geo and day, missing rows or values, negative costs, fewer than two geos; all at once.
    """
    frame = nw.from_native(data, eager_only=True)
    names = _columns(frame.columns)
    columns = {role: frame[name].to_numpy() for role, name in names.items()}
    problems = []
    for name in names.values():
        missing = int(frame[name].is_null().sum())
        if missing:
            problems.append(f"{name}: {missing:,} missing values must be given; write 0 for no sales or cost")
    for role in ("response", "cost"):
        if role in columns and not problems:
            problems += number_problems(names[role], columns[role], refuse_negative=role == "cost")
    dates = dates_of(columns["date"], names["date"], problems)
    refuse(problems)

    geo_codes, geos = pd.factorize(columns["geo"].astype(str), sort=True)
    day_codes, days = pd.factorize(dates, sort=True)
    calendar = np.asarray(days, dtype="datetime64[D]")
    cells = geo_codes * calendar.size + day_codes
    rows = np.bincount(cells, minlength=geos.size * calendar.size)
    problems = _shape_problems(rows, np.asarray(geos), calendar, missing_rows)
    refuse(problems)

    def spread(values: NDArray[Any]) -> NDArray[np.float64]:
        summed = np.bincount(cells, weights=values.astype(np.float64), minlength=rows.size)
        return np.asarray(summed.reshape(geos.size, calendar.size), dtype=np.float64)

    cost = spread(columns["cost"]) if "cost" in columns else None
    return GeoPanel(tuple(str(geo) for geo in geos), calendar, spread(columns["response"]), cost)


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


def number_problems(name: str, values: NDArray[Any], refuse_negative: bool = False) -> list[str]:
    """What keeps a column from being numbers."""
    if not np.issubdtype(values.dtype, np.number):
        return [f"{name}: {values.dtype} must be numbers; convert the column"]
    numbers = values.astype(np.float64)
    endless = int((~np.isfinite(numbers)).sum())
    if endless:
        return [f"{name}: {endless:,} values must be finite numbers; write 0 for none"]
    negative = int((numbers < 0).sum())
    if negative and refuse_negative:
        return [f"{name}: {negative:,} negative values must be at least 0; book credits in another column"]
    return []


def dates_of(values: NDArray[Any], name: str, problems: list[str]) -> NDArray[np.datetime64]:
    """Dates of shape `(rows,)`; none, and a problem more, where a value is no date."""
    if np.issubdtype(values.dtype, np.integer):
        values = values.astype(str)  # 20260301
    try:
        return np.asarray(pd.to_datetime(values, format="ISO8601")).astype("datetime64[D]")
    except (ValueError, TypeError, LiftInputError):
        problems.append(f"{name}: values such as {values[0]} must be dates; write 2026-03-01")
        return np.array([], dtype="datetime64[D]")


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
