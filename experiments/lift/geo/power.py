"""Power of a geo test: by formula for time-based regression, and simulated on the past for every method."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.lift.estimate import significance
from experiments.lift.geo.panel import GeoExperiment, GeoPanel
from experiments.lift.geo.result import GeoLiftTest
from experiments.lift.refusal import refuse

__all__ = [
    "MarketSelection",
    "SimulatedPower",
    "power_over_windows",
    "required_impact",
    "select_markets",
    "select_markets_in_worlds",
    "simulated_power",
]

Task = TypeVar("Task")
Answer = TypeVar("Answer")
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


def required_impact(
    residual_sd: float,
    pre_days: int,
    test_days: int,
    *,
    level: float = 0.90,
    power: float = 0.80,
    shift_level: float = 0.90,
) -> float:
    """σ·(t_{1−α} + t_power)·m·√(φ·(n+1)/(n·m·(n−1)) + 1/n + 1/m): detectable total, one-sided, TBR.

    n days before the test, m in it, t with n − 2 df, φ the quantile of F_{1,n−1} at `shift_level` (how far
    the control may wander from its past). It holds for independent errors; autocorrelation multiplies it by
    about √((1 + ρ)/(1 − ρ)).

    Args:
        residual_sd: σ of the regression before the test, in responses per day.
        pre_days: n.
        test_days: m.
        level: 1 − α of the one-sided test.
        power: wanted power.
        shift_level: level of φ.

    Returns:
        The total response over the test that is detected with the wanted power.

    Raises:
        LiftInputError: numbers outside their ranges.

    Source: Au (2018), "A time-based regression matched markets approach for designing geo experiments",
    Google.
    """
    problems = []
    if not residual_sd > 0:
        problems.append(f"residual_sd: {residual_sd} must be positive; the residual error per day")
    if pre_days < 4:
        problems.append(f"pre_days: {pre_days} must be at least 4; use a longer past")
    if test_days < 1:
        problems.append(f"test_days: {test_days} must be at least 1; the length of the test")
    problems += [
        f"{name}: {value} must lie between 0.5 and 1; write 0.8 for 80 %"
        for name, value in (("power", power), ("shift_level", shift_level))
        if not 0.5 <= value < 1
    ]
    refuse(problems)
    from scipy.special import fdtri, stdtrit

    n, m = pre_days, test_days
    quantiles = -stdtrit(n - 2, significance(level)) + stdtrit(n - 2, power)
    phi = fdtri(1, n - 1, shift_level)
    return float(residual_sd * quantiles * m * math.sqrt(phi * (n + 1) / (n * m * (n - 1)) + 1 / n + 1 / m))


@dataclass(frozen=True, eq=False)
class SimulatedPower:
    """Power of one design, from effects added to past windows in which nothing was tested.

    Attributes:
        relative_lifts: effects tried, of shape `(lifts,)`; the first is 0.
        rejected: share of windows in which each is found, of shape `(lifts,)`.
        errors: relative lift estimated where there was none, one per window, of shape `(windows,)`.
        windows: number of windows.
        independent_windows: how many of them fit side by side: the shares are that coarse.
        response: mean response of the treated geos over a window.
        level: confidence level of the test.
        power: wanted power.
    """

    relative_lifts: NDArray[np.float64]
    rejected: NDArray[np.float64]
    errors: NDArray[np.float64]
    windows: int
    independent_windows: int
    response: float
    level: float
    power: float

    @property
    def false_alarm_rate(self) -> float:
        """Share of windows in which an effect is found although there was none."""
        return float(self.rejected[0])

    @property
    def minimum_detectable_lift(self) -> float:
        """Smallest tried lift found in at least the wanted share of windows, there and above; inf if none."""
        found = self.rejected >= self.power
        tail = np.logical_and.accumulate(found[::-1])[::-1]
        positive = tail & (self.relative_lifts > 0)
        return float(self.relative_lifts[positive].min()) if positive.any() else math.inf

    def highest_detectable_cost(self, cost: float) -> float:
        """Cost of the test ÷ smallest detectable response: dearer conversions would look like none.

        Raises:
            LiftInputError: a cost that is not positive.
        """
        if not 0 < cost < math.inf:
            refuse([f"cost: {cost} must be positive; the money the test would spend or save"])
        return cost / (self.minimum_detectable_lift * self.response)

    def to_frame(self) -> pd.DataFrame:
        """The power curve: `relative_lift, power`."""
        return pd.DataFrame({"relative_lift": self.relative_lifts, "power": self.rejected})

    def summary(self) -> str:
        """Two sentences."""
        least = self.minimum_detectable_lift
        found = (
            f"A lift of {least:.1%} is found"
            if math.isfinite(least)
            else f"No lift up to {self.relative_lifts.max():.1%} is found"
        )
        return (
            f"{found} in {self.power:.0%} of {self.windows} past windows ({self.independent_windows} of them "
            f"independent); without any effect {self.false_alarm_rate:.0%} would raise an alarm. "
            f"The error of the estimate there: {np.std(self.errors):.2%}."
        )


def simulated_power(
    panel: GeoPanel,
    treated: Sequence[str],
    test_days: int,
    analyse: Callable[[GeoExperiment], GeoLiftTest],
    *,
    relative_lifts: Sequence[float] = (0.02, 0.05, 0.1, 0.15, 0.2),
    pre_days: int | None = None,
    windows: int = 50,
    level: float = 0.90,
    power: float = 0.80,
    map_: Map = map,
) -> SimulatedPower:
    """Share of past windows in which an added lift is found: what the analysis will do, tried on what was.

    Args:
        panel: response without a test; more of the past gives more independent windows.
        treated: geos that would be treated.
        test_days: length of the test.
        analyse: reads out an experiment, e.g. `time_based_regression`.
        relative_lifts: effects to add; 0 is always tried too.
        pre_days: days before each window; by default half of the panel.
        windows: at most this many windows, evenly spread.
        level: confidence level of the two-sided test.
        power: wanted power.
        map_: parallel replacement of `map`.

    Raises:
        LiftInputError: unknown geos, or a panel too short for one window.
    """
    days = panel.dates.size
    before = pre_days if pre_days is not None else days // 2
    unknown = sorted({str(geo) for geo in treated} - set(panel.geos))
    problems = [f"treated: {geo} must be a geo of the table; check its name" for geo in unknown]
    if test_days < 1 or before < 4 or before + test_days > days:
        problems.append(
            f"test_days: {test_days} must leave room for {before} days before it in a panel of {days} days; "
            "bring more of the past"
        )
    if not relative_lifts or min(relative_lifts) <= 0:
        problems.append(f"relative_lifts: {tuple(relative_lifts)} must be positive; write (0.05, 0.1)")
    refuse(problems)
    room = days - before - test_days + 1
    starts = np.unique(np.linspace(0, room - 1, min(windows, room)).round().astype(int))
    stretches = [slice(int(start), int(start) + before + test_days) for start in starts]
    return power_over_windows(
        [GeoPanel(panel.geos, panel.dates[stretch], panel.response[:, stretch]) for stretch in stretches],
        treated,
        test_days,
        analyse,
        relative_lifts=relative_lifts,
        independent_windows=1 + (room - 1) // test_days,
        level=level,
        power=power,
        map_=map_,
    )


def power_over_windows(
    windows: Sequence[GeoPanel],
    treated: Sequence[str],
    test_days: int,
    analyse: Callable[[GeoExperiment], GeoLiftTest],
    *,
    relative_lifts: Sequence[float],
    independent_windows: int,
    level: float,
    power: float,
    map_: Map = map,
) -> SimulatedPower:
    """Share of windows, each ending with a test of `test_days`, in which an added lift is found.

    Args:
        windows: panels of the same geos in which nothing was tested.
        treated, test_days, analyse, relative_lifts, level, power, map_: see `simulated_power`.
        independent_windows: how many of them are independent.
    """
    is_treated = np.isin(np.array(windows[0].geos), [str(geo) for geo in treated])
    lifts = np.concatenate([[0.0], np.sort(np.asarray(relative_lifts, dtype=np.float64))])
    alpha = significance(level)

    def read(window: GeoPanel) -> tuple[list[bool], float, float]:
        found, error = [], math.nan
        before = window.dates.size - test_days
        for lift in lifts:
            response = window.response.copy()
            response[is_treated, before:] *= 1 + lift
            past = GeoExperiment(GeoPanel(window.geos, window.dates, response), is_treated, before, test_days)
            estimate = analyse(past).lift
            found.append(estimate.p_value() < alpha)
            if lift == 0:
                error = estimate.relative_lift
        return found, error, float(window.response[is_treated, before:].sum())

    answers = list(map_(read, windows))
    return SimulatedPower(
        lifts,
        np.mean([found for found, _, _ in answers], axis=0),
        np.array([error for _, error, _ in answers]),
        len(answers),
        independent_windows,
        float(np.mean([response for _, _, response in answers])),
        level,
        power,
    )


@dataclass(frozen=True, eq=False)
class MarketSelection:
    """Candidate markets ranked on one part of the past and judged on another.

    Attributes:
        ranking: one row per candidate: `treated, treated_share, error, minimum_detectable_lift`, best first.
        chosen: the best candidate.
        held_out: its power on the days that took no part in the ranking. The ranking itself flatters the
            winner: it is the best of many.
    """

    ranking: pd.DataFrame
    chosen: tuple[str, ...]
    held_out: SimulatedPower

    def summary(self) -> str:
        """A few sentences."""
        promised = float(self.ranking["minimum_detectable_lift"].iloc[0])
        return (
            f"Treat {', '.join(self.chosen)}: best of {len(self.ranking)} candidates, with a detectable lift "
            f"of {promised:.1%} where they were compared. On days held out: {self.held_out.summary()}"
        )


def select_markets(
    panel: GeoPanel,
    candidates: Sequence[Sequence[str]],
    test_days: int,
    analyse: Callable[[GeoExperiment], GeoLiftTest],
    *,
    relative_lifts: Sequence[float] = (0.02, 0.05, 0.1, 0.15, 0.2),
    held_out_days: int | None = None,
    level: float = 0.90,
    power: float = 0.80,
    windows: int = 30,
    map_: Map = map,
) -> MarketSelection:
    """The candidate with the smallest detectable lift, then the smallest error; judged on later days.

    Args:
        panel: response without a test.
        candidates: sets of geos that could be treated.
        test_days: length of the test.
        analyse: see `simulated_power`.
        relative_lifts: effects to add.
        held_out_days: the last days, kept from the ranking; by default a third of the panel.
        level: confidence level of the two-sided test.
        power: wanted power.
        windows: windows per candidate.
        map_: parallel replacement of `map`.

    Raises:
        LiftInputError: no candidate, a panel too short to hold days out.
    """
    days = panel.dates.size
    kept = days - (held_out_days if held_out_days is not None else days // 3)
    problems = [] if candidates else ["candidates: () must hold at least one set of geos"]
    before = kept // 2
    if kept - before < test_days or days - kept < test_days:
        problems.append(
            f"test_days: {test_days} must fit into the {kept - before} days compared and the "
            f"{days - kept} days held out; bring more of the past"
        )
    refuse(problems)
    options: dict[str, Any] = {
        "relative_lifts": relative_lifts,
        "pre_days": before,
        "level": level,
        "power": power,
        "windows": windows,
        "map_": map_,
    }
    past = GeoPanel(panel.geos, panel.dates[:kept], panel.response[:, :kept])
    # The first held-out window begins where the compared days end.
    later = GeoPanel(panel.geos, panel.dates[kept - before :], panel.response[:, kept - before :])
    return _selected(
        past,
        candidates,
        lambda treated: simulated_power(past, treated, test_days, analyse, **options),
        lambda treated: simulated_power(later, treated, test_days, analyse, **options),
    )


def select_markets_in_worlds(
    worlds: Sequence[GeoPanel],
    candidates: Sequence[Sequence[str]],
    test_days: int,
    analyse: Callable[[GeoExperiment], GeoLiftTest],
    *,
    relative_lifts: Sequence[float] = (0.02, 0.05, 0.1, 0.15, 0.2),
    level: float = 0.90,
    power: float = 0.80,
    map_: Map = map,
) -> MarketSelection:
    """As `select_markets`, in simulated worlds of one market: ranked in half of them, judged in the others.

    Every world is an independent window, so that shares are as fine as one's patience, where one's own past gives a few.

    Args:
        worlds: panels of the same geos and days, without a test (`world_panel`); each ends with the window.
        candidates, test_days, analyse, relative_lifts, level, power, map_: see `select_markets`.

    Raises:
        LiftInputError: no candidate, fewer than two worlds, worlds too short.
    """
    problems = [] if candidates else ["candidates: () must hold at least one set of geos"]
    if len(worlds) < 2:
        problems.append(f"worlds: {len(worlds)} must be at least 2; half of them judge the winner")
    elif not 1 <= test_days <= worlds[0].dates.size - 4:
        problems.append(
            f"test_days: {test_days} must leave four days before it in worlds of {worlds[0].dates.size} days"
        )
    if not relative_lifts or min(relative_lifts) <= 0:
        problems.append(f"relative_lifts: {tuple(relative_lifts)} must be positive; write (0.05, 0.1)")
    refuse(problems)
    half = len(worlds) // 2

    def judge(windows: Sequence[GeoPanel]) -> Callable[[Sequence[str]], SimulatedPower]:
        return lambda treated: power_over_windows(
            windows, treated, test_days, analyse,
            relative_lifts=relative_lifts, independent_windows=len(windows), level=level, power=power, map_=map_,
        )  # fmt: skip

    return _selected(worlds[0], candidates, judge(worlds[:half]), judge(worlds[half:]))


def _selected(
    panel: GeoPanel,
    candidates: Sequence[Sequence[str]],
    compare: Callable[[Sequence[str]], SimulatedPower],
    judge: Callable[[Sequence[str]], SimulatedPower],
) -> MarketSelection:
    """Candidates ranked by the power found where they are compared, the winner judged elsewhere."""
    rows = []
    for candidate in candidates:
        found = compare(candidate)
        is_treated = np.isin(np.array(panel.geos), list(candidate))
        rows.append(
            {
                "treated": tuple(candidate),
                "treated_share": float(panel.response[is_treated].sum() / panel.response.sum()),
                "error": float(np.std(found.errors)),
                "minimum_detectable_lift": found.minimum_detectable_lift,
            }
        )
    ranking = pd.DataFrame(rows).sort_values(["minimum_detectable_lift", "error"], kind="stable")
    chosen = ranking["treated"].iloc[0]
    return MarketSelection(ranking.reset_index(drop=True), chosen, judge(chosen))
