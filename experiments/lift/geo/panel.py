"""Response and cost (units of money) per geo and day as arrays, read from a table of geos × days."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.refusal import choice_problems, refuse
from cpalab.result import Result
from experiments.lift.columns import coded, day_of, days, frame_of, numbers
from experiments.lift.geo.absent_rows import absent_row_problems, spelling_problems
from experiments.lift.geo.row_calendar import DAILY, Step, gap_problems, nearest_date, skipped, stretches_of

__all__ = [
    "GeoExperiment",
    "GeoPanel",
    "MissingRows",
    "Outcome",
    "Scaling",
    "geo_experiment",
    "geo_panel",
    "unknown_geos",
    "with_lift",
]

MissingRows = Literal["refuse", "zero"]
Outcome = Literal["conversions", "value"]
Scaling = Literal["relative", "additive"]

# The field's names: GeoLift's first, then those of the regression packages, then plain ones.
NAMES = {
    "geo": ("location", "geo"),
    "date": ("date",),
    "response": ("Y", "response", "conversions", "sales", "value"),
    "cost": ("cost",),
}


@dataclass(frozen=True, eq=False)
class GeoPanel(Result):
    """A complete panel.

    Attributes:
        geos: names, of length G, in ascending order.
        dates: of shape `(T,)`, one step apart except where some were left out.
        response: outcome of shape `(G, T)`.
        cost: cost in units of money of shape `(G, T)`; None where the table has none.
        filled: number of cells that had no row in the table and count as zero.
        step: what a row stands for: a day, a week, a month.
        excluded: names of geos of the table that take no part.
        left_out: stretches of dates that take no part, as FROM..TO.
        covariates: further columns by name, of shape `(G, T)` each, not a number where the table has no row.

    Example:
        >>> from experiments.lift.testing import example_experiment
        >>> print(example_experiment().panel.summary())
        24 geos on 70 dates from 2026-01-05 to 2026-03-15.
    """

    geos: tuple[str, ...]
    dates: NDArray[np.datetime64]
    response: NDArray[np.float64]
    cost: NDArray[np.float64] | None = None
    filled: int = 0
    step: Step = DAILY
    excluded: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    covariates: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """One row per geo: `geo, response, cost` over all dates; no cost where there is none."""
        frame = pd.DataFrame({"geo": self.geos, "response": self.response.sum(axis=1)})
        return frame if self.cost is None else frame.assign(cost=self.cost.sum(axis=1))

    def summary(self) -> str:
        """Its size, in one sentence."""
        first, last = (f"{date:.10}" for date in np.datetime_as_string(self.dates[[0, -1]]))
        return f"{len(self.geos)} geos on {len(self.dates)} dates from {first} to {last}."


@dataclass(frozen=True, eq=False)
class GeoExperiment(Result):
    """A panel with its design: which geos were treated, and when.

    Its days are the rows of the panel: where a row is a week, so is each of these days.

    Attributes:
        panel: response and cost.
        is_treated: of shape `(G,)`.
        pre_days: number of rows before the test; they are the first of the panel.
        test_days: number of rows of the test, which follow.
        cooldown_days: rows after the test whose response still counts.
        outcome: whether the response counts conversions or is value in units of money.
        force_control: control geos that are known to be sound, whatever their cost did.

    Example:
        >>> from experiments.lift.testing import example_experiment
        >>> experiment = example_experiment()
        >>> experiment.pre_days, experiment.test_days, int(experiment.is_treated.sum())
        (56, 14, 12)
    """

    panel: GeoPanel
    is_treated: NDArray[np.bool_]
    pre_days: int
    test_days: int
    cooldown_days: int = 0
    outcome: Outcome = "conversions"
    force_control: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """One row per geo: `geo, arm, response, cost`; the sums of both over all dates."""
        arm = np.where(self.is_treated, "treated", "control")
        frame = self.panel.to_frame()
        frame.insert(1, "arm", arm)
        return frame

    def summary(self) -> str:
        """Its arms and windows, in one sentence."""
        return (
            f"{int(self.is_treated.sum())} of {len(self.is_treated)} geos treated for {self.test_days} days after "
            f"{self.pre_days} days before, {self.cooldown_days} days of cool-down."
        )

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


def with_lift(experiment: GeoExperiment, lift: float) -> GeoExperiment:
    """The experiment with the treated geos' response in the window times 1 + lift."""
    response = experiment.panel.response.copy()
    response[experiment.is_treated, experiment.window] *= 1 + lift
    return replace(experiment, panel=replace(experiment.panel, response=response))


def unknown_geos(panel: GeoPanel, names: Sequence[str], place: str) -> list[str]:
    """A problem for each name that is no geo of the panel; `place` is where it was given."""
    problems = []
    for geo in sorted(set(names) - set(panel.geos)):
        if geo in panel.excluded:
            problems.append(f"{place}: {geo} must take part, and --exclude leaves it out; name it in one of the two")
            continue
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
    force_control: Sequence[str] = (),
) -> GeoExperiment:
    """The design of a geo test.

    Args:
        panel: response and cost.
        treated: names of the geos whose advertising was changed.
        start: first date of the test, as YYYY-MM-DD.
        end: its last date.
        cooldown_days: days after `end` whose response still counts (conversions come later than ads), as many whole rows of
            the table. Choose it from the known delay, before looking: a longer window is a noisier one.
        outcome: what the response is.
        force_control: control geos that are known to be sound, although their cost changed with the test.

    Raises:
        LiftInputError: unknown, no or all geos treated, dates outside the panel or out of order, negative conversions;
            all at once.

    Example:
        >>> import pandas as pd
        >>> from experiments.lift import geo_experiment, geo_panel
        >>> dates = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]
        >>> rows = [(date, geo, 5 + day) for geo in ("north", "south") for day, date in enumerate(dates)]
        >>> panel = geo_panel(pd.DataFrame(rows, columns=["date", "geo", "response"]))
        >>> experiment = geo_experiment(panel, ["north"], "2026-01-04", "2026-01-04")
        >>> experiment.pre_days, experiment.test_days
        (3, 1)
    """
    problems = choice_problems("outcome", outcome, get_args(Outcome))
    cooldown_rows, negative = 0, int((panel.response < 0).sum())
    if negative and outcome == "conversions":
        problems.append(
            f"response: {negative:,} negative values must be at least 0; if it is value with refunds, ask for outcome value"
        )
    names = [str(geo) for geo in treated]
    forced = [str(geo) for geo in force_control]
    problems += unknown_geos(panel, names, "treated") + unknown_geos(panel, forced, "--force-control")
    both = sorted(set(forced) & set(names))
    if both:
        problems.append(f"--force-control: {', '.join(both)} must not be treated too; a geo has one arm")
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
            problems.append(
                f"start: {start} must leave at least three rows before the test, has {panel.step.of(first)}"
            )
        elif last >= first:
            cooldown_rows = _cooldown_rows(panel, last, cooldown_days, problems)
    refuse(problems)
    chosen = np.isin(np.array(panel.geos), names)
    # None only where a problem was refused above.
    first, last = first or 0, last or 0
    return GeoExperiment(panel, chosen, first, last - first + 1, cooldown_rows, outcome, tuple(forced))


def _cooldown_rows(panel: GeoPanel, last: int, cooldown_days: int, problems: list[str]) -> int:
    """Rows after the test that are so many days; a problem more where none are."""
    ends = [panel.step.after(date) for date in panel.dates[last:]]
    lengths = [0] + [int((end - ends[0]) // np.timedelta64(1, "D")) for end in ends[1:]]
    if cooldown_days in lengths:
        return lengths.index(cooldown_days)
    end, after = panel.dates[last], lengths[-1]
    if panel.step.is_day or not 0 <= cooldown_days <= after:
        problems.append(f"cooldown_days: {cooldown_days} must lie between 0 and {after}, the days after {end}")
    else:
        problems.append(
            f"cooldown_days: {cooldown_days} must be whole rows of the table, which are {panel.step.noun}s; "
            f"write one of {', '.join(map(str, lengths[1:5]))}"
        )
    return 0


def _day(panel: GeoPanel, place: str, date: str, problems: list[str]) -> int | None:
    day = day_of(date)
    if day is None:
        problems.append(f"{place}: {date} must be a date; write 2026-03-01")
        return None
    found = np.flatnonzero(panel.dates == np.datetime64(day))
    if found.size:
        return int(found[0])
    problems.append(f"{place}: {date} must be a date of the table, {nearest_date(panel.dates, day, panel.step)}")
    return None


def geo_panel(
    data: Any,
    *,
    missing_rows: MissingRows = "refuse",
    response: str | None = None,
    exclude: Sequence[str] = (),
    skip: Sequence[str] = (),
    covariates: Sequence[str] = (),
) -> GeoPanel:
    """Read a panel from a table with one row per geo and day, week, month, quarter or year.

    Args:
        data: any data frame narwhals reads, with the columns `location, date, Y[, cost]` or `date, geo,
            response[, cost]` (`sales`, `conversions` and `value` serve as `response` too).
        missing_rows: what an absent row of a geo and day means: `refuse` (the record may be broken) or `zero`
            (exports that leave out days without sales); how many are filled is counted.
        response: name of the column that is the response, where several could be.
        exclude: geos that take no part, as treated or as control.
        skip: stretches of dates that are left out, as FROM..TO: holidays, closures, earlier tests.
        covariates: columns of numbers that say how geos differ (price, income, weather) and that ads do not move; synthetic
            controls match their means before the test.

    Raises:
        LiftInputError: columns missing or of the wrong kind, dates that are none or skip some, two rows for a geo and date,
            one geo spelled two ways, missing rows or values, negative costs, a response that never varies, fewer than two
            geos, unknown geos to exclude; all at once.

    Example:
        >>> import pandas as pd
        >>> from experiments.lift import geo_panel
        >>> dates = ["2026-01-01", "2026-01-02"] * 2
        >>> rows = pd.DataFrame({"date": dates, "geo": ["north", "north", "south", "south"], "response": [5, 7, 2, 3]})
        >>> geo_panel(rows).geos
        ('north', 'south')
    """
    frame = frame_of(data)
    stretches = stretches_of(skip)
    refuse(choice_problems("missing_rows", missing_rows, get_args(MissingRows)))
    names = _columns(frame.columns, response)
    refuse(_covariate_problems(covariates, frame.columns, names))
    problems: list[str] = []
    outcome = numbers(frame, names["response"], problems)
    cost = numbers(frame, names["cost"], problems, "book credits in another column") if "cost" in names else None
    further = {name: numbers(frame, name, problems) for name in covariates}
    codes, labels = coded(frame, names["geo"], problems)
    dates = days(frame, names["date"], problems)
    refuse(problems)

    written = np.array([str(label) for label in labels], dtype=object)
    unknown = sorted(set(map(str, exclude)) - set(written))
    kept = ~np.isin(written, [str(geo) for geo in exclude])[codes] & ~skipped(dates, stretches)
    problems += [f"--exclude: {geo} must be a geo of the table; {_close(geo, list(written))}" for geo in unknown]
    problems += _idle_stretches(dates, skip, stretches)
    if not kept.any():
        problems.append("table: every row was left out; exclude fewer geos or skip fewer dates")
    refuse(problems)
    name_codes, geos = pd.factorize(written, sort=True)
    calendar, day_codes = np.unique(dates[kept], return_inverse=True)
    present = np.unique(name_codes[codes[kept]])
    place = np.full(geos.size, -1)
    place[present] = np.arange(present.size)
    geos = np.asarray(geos)[present]
    cells = place[name_codes[codes[kept]]] * calendar.size + day_codes
    rows = np.bincount(cells, minlength=geos.size * calendar.size)
    outcome = outcome[kept]
    if np.ptp(outcome) == 0 and rows.all():
        problems.append(
            f"{names['response']}: {outcome[0]:g} in every row must vary; there is nothing to compare: check what it counts"
        )
    if geos.size < 2:
        problems.append(f"geo: {geos.size} geos must be at least 2; a test compares treated with other geos")
    step, of_dates = gap_problems(calendar, stretches)
    problems += _between_rows(dates, step, skip, stretches)
    table = rows.reshape(geos.size, calendar.size)
    two_ways = spelling_problems(geos, calendar, table)
    filled = missing_rows == "zero" or bool(two_ways)

    def spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
        summed = np.bincount(cells, weights=values, minlength=rows.size)
        return np.asarray(summed.reshape(geos.size, calendar.size), dtype=np.float64)

    response_of = spread(outcome)
    refuse(problems + of_dates + two_ways + absent_row_problems(geos, calendar, table, response_of, filled))
    refuse(_total_problems(geos, response_of))
    return GeoPanel(
        tuple(str(geo) for geo in geos),
        calendar,
        response_of,
        None if cost is None else spread(cost[kept]),
        filled=int((rows == 0).sum()),
        step=step,
        excluded=tuple(sorted({str(geo) for geo in exclude})),
        left_out=tuple(map(str, skip)),
        covariates={name: np.where(table > 0, spread(values[kept]), np.nan) for name, values in further.items()},
    )


def _covariate_problems(covariates: Sequence[str], present: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """What is wrong with the names of covariates: no columns, or columns with another part."""
    roles = {column: role for role, column in names.items()}
    problems = [
        f"covariates: {name} must be a column of the table; {_close(name, present)}"
        for name in covariates
        if name not in present
    ]
    problems += [
        f"covariates: {name} must not be the {roles[name]} too; leave it out" for name in covariates if name in roles
    ]
    return problems


def _total_problems(geos: NDArray[Any], response: NDArray[np.float64]) -> list[str]:
    """What is wrong where a geo's response is the sum of all others' on every date, up to rounding: it is no geo."""
    whole = response.sum(axis=0)
    alike = np.abs(2 * response - whole) <= 1e-6 * np.abs(whole) + 0.005 * len(geos) * (response % 1 != 0).any()
    found = [str(geo) for geo, same in zip(geos, alike.all(axis=1), strict=True) if same]
    if len(geos) < 4 or not whole.any() or len(found) != 1:
        return []
    return [
        f"geo: {found[0]} is the sum of the {len(geos) - 1} others on every date and must be a geo; leave it out with "
        f"--exclude {found[0]}"
    ]


def _close(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"the table has {', '.join(sorted(known)[:5])} …"


def _idle_stretches(
    dates: NDArray[np.datetime64], skip: Sequence[str], stretches: Sequence[tuple[np.datetime64, np.datetime64]]
) -> list[str]:
    """A problem for each stretch that lies outside of the table altogether."""
    first, last = dates.min(), dates.max()
    return [
        f"--skip: {text} must touch the dates of the table, which runs from {first} to {last}; check the year"
        for text, (begins, ends) in zip(skip, stretches, strict=True)
        if ends < first or begins > last
    ]


def _between_rows(
    dates: NDArray[np.datetime64],
    step: Step,
    skip: Sequence[str],
    stretches: Sequence[tuple[np.datetime64, np.datetime64]],
) -> list[str]:
    """A problem for each stretch between two rows of the table, so that it leaves nothing out."""
    problems = []
    for text, (begins, ends) in zip(skip, stretches, strict=True):
        if begins <= dates.min() or ((dates >= begins) & (dates <= ends)).any():
            continue
        # The next row, whether the table has it or lacks it.
        row = dates[dates < begins].max()
        while row < begins:
            row = step.after(row)
        if row > ends:
            problems.append(
                f"--skip: {text} must hold the date of a row, and rows of the table are {step.noun}s; the next is {row}"
            )
    return problems


def _columns(present: Sequence[str], response: str | None) -> dict[str, str]:
    """The column of the table that plays each role; `response` names that of the response where it is chosen."""
    problems, names = [], {}
    if response is not None and response not in present:
        problems.append(f"--response: {response} must be a column of the table; {_close(response, present)}")
    for role, choices in NAMES.items():
        given = [name for name in choices if name in present]
        if role == "response" and response is not None:
            given = [response]
        if len(given) == 1 or (given and role == "geo"):
            names[role] = given[0]
        elif given:
            problems.append(
                f"{', '.join(given)}: only one may be the response; choose it with --response {given[0]}, or drop the others"
            )
        elif role != "cost":
            close = difflib.get_close_matches(choices[-1], present, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the table has {', '.join(present)}"
            problems.append(f"{' or '.join(choices)}: column is required; {hint}")
    refuse(problems)
    return names
