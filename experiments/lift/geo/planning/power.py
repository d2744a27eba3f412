"""Power of a geo test, simulated on the past, and the choice of geos by it."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.refusal import refuse, share_from_half_problems
from cpalab.result import Result
from experiments.lift.estimate.lift_estimate import level_problems, significance
from experiments.lift.geo.method import GeoMethod
from experiments.lift.geo.methods.lifted import found_with_lifts
from experiments.lift.geo.panel import GeoExperiment, GeoPanel, unknown_geos
from experiments.lift.geo.result import GeoLiftTest

__all__ = [
    "MarketSelection",
    "SimulatedPower",
    "power_over_windows",
    "power_problems",
    "select_markets",
    "select_markets_in_worlds",
    "simulated_power",
]

Task = TypeVar("Task")
Answer = TypeVar("Answer")
# Pasts drawn anew to see whether the best candidate stays the best, and the share from which one is a rival.
REDRAWN_PASTS, STABILITY_SEED, STABLE_SHARE = 200, 7, 0.05
# The upper 1 % of a normal distribution.
BAND = 2.33
# A method, which may be able to add lifts without fitting anew, or a function that reads an experiment.
Analysis = GeoMethod | Callable[[GeoExperiment], GeoLiftTest]
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True, eq=False)
class SimulatedPower(Result):
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
        tried_on: what the windows are, in the plural.
        found: whether each lift is found in each window, of shape `(windows, lifts)`; None where it is not kept.
    """

    relative_lifts: NDArray[np.float64]
    rejected: NDArray[np.float64]
    errors: NDArray[np.float64]
    windows: int
    independent_windows: int
    response: float
    level: float
    power: float
    tried_on: str = "past windows"
    found: NDArray[np.bool_] | None = None

    @property
    def false_alarm_rate(self) -> float:
        """Share of windows in which an effect is found although there was none."""
        return float(self.rejected[0])

    @property
    def most_false_alarms(self) -> float:
        """α + 2.33·√(α(1 − α)/n), n independent windows: a larger share of false alarms is hardly chance (1 %, one-sided)."""
        alpha = significance(self.level)
        return min(1.0, alpha + BAND * math.sqrt(alpha * (1 - alpha) / self.independent_windows))

    @property
    def intervals_hold(self) -> bool:
        """Whether the false alarms are no more than chance explains; if not, what is found says nothing."""
        return self.false_alarm_rate <= self.most_false_alarms

    @property
    def minimum_detectable_lift(self) -> float:
        """Smallest tried lift found in at least the wanted share of windows, there and above.

        Infinite where there is none, and where the intervals do not hold.
        """
        if not self.intervals_hold:
            return math.inf
        found = self.rejected >= self.power
        tail = np.logical_and.accumulate(found[::-1])[::-1]
        positive = tail & (self.relative_lifts > 0)
        return float(self.relative_lifts[positive].min()) if positive.any() else math.inf

    def highest_detectable_cost(self, cost: float) -> float:
        """Cost of the test ÷ smallest detectable response: dearer conversions would look like none; nan without such a lift.

        Raises:
            LiftInputError: a cost that is not positive.
        """
        if not 0 < cost < math.inf:
            refuse([f"cost: {cost} must be positive; the money the test would spend or save"])
        least = self.minimum_detectable_lift
        return cost / (least * self.response) if math.isfinite(least) else math.nan

    def to_frame(self) -> pd.DataFrame:
        """The power curve: `relative_lift, power`."""
        return pd.DataFrame({"relative_lift": self.relative_lifts, "power": self.rejected})

    def summary(self) -> str:
        """What is found, whether the intervals can be trusted, and how finely the windows can tell."""
        alarms = round(self.false_alarm_rate * self.windows)
        rule = (
            f"intervals at {100 * self.level:g}% should in {1 - self.level:z.0%}, and chance explains up to "
            f"{self.most_false_alarms:z.0%}"
        )
        error = f"The error of the estimate without an effect: {np.nanstd(self.errors):z.2%}."
        if not self.intervals_hold:
            return (
                f"The intervals raise false alarms in {alarms} of {self.windows} {self.tried_on} ({rule}): they are too "
                f"narrow here, and no detectable lift can be stated. {self._resolution} {error}"
            )
        least = self.minimum_detectable_lift
        wanted = f"at least {self.power:z.0%} of {self.windows} {self.tried_on}"
        if math.isfinite(least):
            share = float(self.rejected[self.relative_lifts == least][0])
            found = f"The smallest lift tried that is found in {wanted} is {least:z.1%} (found in {share:z.0%})."
        else:
            found = f"No lift tried, up to {self.relative_lifts.max():z.1%}, is found in {wanted}."
        return (
            f"{found} Without an effect, {alarms} of {self.windows} raise a false alarm ({rule}). "
            f"{self._resolution} {error}"
        )

    @property
    def _resolution(self) -> str:
        """How finely the shares can be told: they are step functions of the independent windows."""
        fit = self.independent_windows
        if fit == self.windows:
            return f"The {self.tried_on} are independent, so that shares move in steps of {100 / fit:z.2g}%."
        if fit == 1:
            return "The windows overlap, not even two fit side by side: all of this is one try; bring more of the past."
        return (
            f"The windows overlap: {fit} fit side by side, so that shares are as coarse as steps of {100 / fit:z.2g}%."
        )


def simulated_power(
    panel: GeoPanel,
    treated: Sequence[str],
    test_days: int,
    analyse: Analysis,
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
        test_days: length of the test in rows of the panel.
        analyse: a geo method, or a function that reads an experiment, e.g. `time_based_regression`.
        relative_lifts: effects to add; 0 is always tried too.
        pre_days: days before each window; by default half of the panel.
        windows: at most this many windows, evenly spread.
        level: confidence level of the two-sided test.
        power: wanted power.
        map_: parallel replacement of `map`.

    Raises:
        LiftInputError: unknown geos, or a panel too short for one window.

    Example:
        >>> from experiments.lift import difference_in_differences, simulated_power
        >>> from experiments.lift.testing import PAIRS, example_experiment
        >>> treated = [first for first, _ in PAIRS]
        >>> power = simulated_power(example_experiment().panel, treated, 7, difference_in_differences, windows=5)
        >>> power.minimum_detectable_lift
        0.02
    """
    days = panel.dates.size
    before = pre_days if pre_days is not None else days // 2
    problems = unknown_geos(panel, [str(geo) for geo in treated], "treated")
    if test_days < 1 or before < 4 or before + test_days > days:
        problems.append(
            f"test_days: {panel.step.of(test_days)} must leave room for {before} before it in a panel of {days}; "
            "bring more of the past"
        )
    refuse([*problems, *power_problems(relative_lifts, level, power)])
    room = days - before - test_days + 1
    starts = np.unique(np.linspace(0, room - 1, min(windows, room)).round().astype(int))
    stretches = [slice(int(start), int(start) + before + test_days) for start in starts]
    return power_over_windows(
        [_stretch(panel, stretch) for stretch in stretches],
        treated,
        test_days,
        analyse,
        relative_lifts=relative_lifts,
        independent_windows=1 + (room - 1) // test_days,
        level=level,
        power=power,
        map_=map_,
    )


def _stretch(panel: GeoPanel, days: slice) -> GeoPanel:
    """The response on these days alone; cost plays no part in power."""
    return replace(
        panel,
        dates=panel.dates[days],
        response=panel.response[:, days],
        cost=None,
        covariates={name: values[:, days] for name, values in panel.covariates.items()},
    )


def power_over_windows(
    windows: Sequence[GeoPanel],
    treated: Sequence[str],
    test_days: int,
    analyse: Analysis,
    *,
    relative_lifts: Sequence[float],
    independent_windows: int,
    level: float,
    power: float,
    tried_on: str = "past windows",
    map_: Map = map,
) -> SimulatedPower:
    """Share of windows, each ending with a test of `test_days`, in which an added lift is found.

    Args:
        windows: panels of the same geos in which nothing was tested.
        treated, test_days, analyse, relative_lifts, level, power, map_: see `simulated_power`.
        independent_windows: how many of them are independent.
        tried_on: what the windows are, in the plural.
    """
    is_treated = np.isin(np.array(windows[0].geos), [str(geo) for geo in treated])
    lifts = np.concatenate([[0.0], np.sort(np.asarray(relative_lifts, dtype=np.float64))])
    method = cast(GeoMethod, analyse if hasattr(analyse, "read") else _Reading(cast(Any, analyse)))

    def read(window: GeoPanel) -> tuple[list[bool], float, float]:
        before = window.dates.size - test_days
        past = GeoExperiment(window, is_treated, before, test_days)
        found, error = found_with_lifts(method, past, lifts.tolist(), level)
        return found, error, float(past.treated[:, before:].sum())

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
        tried_on,
        np.array([found for found, _, _ in answers]),
    )


@dataclass(frozen=True)
class _Reading:
    """A function that reads an experiment, as a method."""

    function: Callable[[GeoExperiment], GeoLiftTest]
    name: str = "a function"

    def read(self, experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:  # noqa: ARG002
        """What the function reads; at levels of its own."""
        return self.function(experiment)


def power_problems(relative_lifts: Sequence[float], level: float, power: float) -> list[str]:
    """What is wrong with the lifts to be tried, the level of the test and the wanted power."""
    problems = level_problems([level])
    wrong = ", ".join(f"{lift:g}" for lift in relative_lifts if not 0 < lift < math.inf)
    if wrong or not relative_lifts:
        problems.append(f"relative_lifts: {wrong or 'nothing given'} must be positive; write 0.05 for 5 %")
    return [*problems, *share_from_half_problems(power=power)]


@dataclass(frozen=True, eq=False)
class MarketSelection(Result):
    """Candidate markets ranked on one part of the past and judged on another.

    Attributes:
        ranking: one row per candidate: `treated, treated_share, error, minimum_detectable_lift`, best first.
        chosen: the best candidate.
        held_out: its power on the days that took no part in the ranking. The ranking itself overstates
            the winner's power: it is the best of many.
        top_share: share of redrawn pasts in which each candidate of the ranking is the best, of shape `(candidates,)`.
    """

    ranking: pd.DataFrame
    chosen: tuple[str, ...]
    held_out: SimulatedPower
    top_share: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def to_frame(self) -> pd.DataFrame:
        """The candidates, best first."""
        return self.ranking

    def summary(self) -> str:
        """A few sentences."""
        promised = float(self.ranking["minimum_detectable_lift"].iloc[0])
        which = (
            f"with a detectable lift of {promised:z.1%} where they were compared"
            if math.isfinite(promised)
            else "none of which has a detectable lift where they were compared; it has the smallest error"
        )
        elsewhere = "On days held out" if self.held_out.tried_on == "past windows" else "In worlds held out"
        return (
            f"Treat {', '.join(self.chosen)}: best of {len(self.ranking)} candidates, {which}. "
            f"{elsewhere}: {self.held_out.summary()}{self._stability}"
        )

    @property
    def _stability(self) -> str:
        """How sure the choice is, and how many candidates could as well be the best."""
        if self.top_share.size < 2:
            return ""
        rivals = int((self.top_share >= STABLE_SHARE).sum())
        hardly = (
            " Its rank is mostly chance: choose among the best by what they cost." if self.top_share[0] < 0.5 else ""
        )
        return (
            f" In pasts redrawn from the windows compared it stays the best in {self.top_share[0]:z.0%}; "
            f"{rivals} of {self.top_share.size} candidates are the best in at least {STABLE_SHARE:z.0%}.{hardly}"
        )


def select_markets(
    panel: GeoPanel,
    candidates: Sequence[Sequence[str]],
    test_days: int,
    analyse: Analysis,
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

    Example:
        >>> from experiments.lift import difference_in_differences, select_markets
        >>> from experiments.lift.testing import PAIRS, example_experiment
        >>> candidates = [[first for first, _ in PAIRS], [PAIRS[0][0]]]
        >>> chosen = select_markets(example_experiment().panel, candidates, 7, difference_in_differences, windows=5)
        >>> len(chosen.chosen), chosen.held_out.minimum_detectable_lift
        (12, 0.02)
    """
    days = panel.dates.size
    kept = days - (held_out_days if held_out_days is not None else days // 3)
    problems = [] if candidates else ["candidates: () must hold at least one set of geos"]
    before = kept // 2
    if kept - before < test_days or days - kept < test_days:
        problems.append(
            f"test_days: {panel.step.of(test_days)} must fit into the {panel.step.of(kept - before)} compared and the "
            f"{days - kept} held out; bring more of the past"
        )
    refuse([*problems, *power_problems(relative_lifts, level, power)])
    options: dict[str, Any] = {
        "relative_lifts": relative_lifts,
        "pre_days": before,
        "level": level,
        "power": power,
        "windows": windows,
        "map_": map_,
    }
    past = _stretch(panel, slice(0, kept))
    # The first held-out window begins where the compared days end.
    later = _stretch(panel, slice(kept - before, days))
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
    analyse: Analysis,
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
    refuse([*problems, *power_problems(relative_lifts, level, power)])
    half = len(worlds) // 2

    def judge(windows: Sequence[GeoPanel]) -> Callable[[Sequence[str]], SimulatedPower]:
        return lambda treated: power_over_windows(
            windows, treated, test_days, analyse,
            relative_lifts=relative_lifts, independent_windows=len(windows), level=level, power=power,
            tried_on="simulated worlds", map_=map_,
        )  # fmt: skip

    return _selected(worlds[0], candidates, judge(worlds[:half]), judge(worlds[half:]))


def _selected(
    panel: GeoPanel,
    candidates: Sequence[Sequence[str]],
    compare: Callable[[Sequence[str]], SimulatedPower],
    judge: Callable[[Sequence[str]], SimulatedPower],
) -> MarketSelection:
    """Candidates ranked by the power found where they are compared, the winner judged elsewhere."""
    rows, compared = [], [compare(candidate) for candidate in candidates]
    for candidate, found in zip(candidates, compared, strict=True):
        is_treated = np.isin(np.array(panel.geos), list(candidate))
        rows.append(
            {
                "treated": tuple(candidate),
                "treated_share": float(panel.response[is_treated].sum() / panel.response.sum()),
                "error": float(np.nanstd(found.errors)),
                "minimum_detectable_lift": found.minimum_detectable_lift,
            }
        )
    ranking = pd.DataFrame(rows).sort_values(["minimum_detectable_lift", "error"], kind="stable")
    top_share = _top_share(compared)[ranking.index]
    chosen = ranking["treated"].iloc[0]
    ranking["top_share"] = top_share
    return MarketSelection(ranking.reset_index(drop=True), chosen, judge(chosen), top_share)


def _top_share(compared: Sequence[SimulatedPower]) -> NDArray[np.float64]:
    """How often each candidate ranks first when stretches of windows are drawn anew, the same for all: `(candidates,)`.

    Stretches are as long as windows overlap, so that what is drawn anew is independent, or nearly so.
    """
    windows, errors = compared[0].windows, np.array([found.errors for found in compared])
    length = max(1, windows // max(1, compared[0].independent_windows))
    rng = np.random.default_rng(STABILITY_SEED)
    first = rng.integers(0, windows, (REDRAWN_PASTS, math.ceil(windows / length)))
    drawn = ((first[:, :, None] + np.arange(length)) % windows).reshape(REDRAWN_PASTS, -1)[:, :windows]
    wins = np.zeros(len(compared))
    for places in drawn:
        spread = np.nanstd(errors[:, places], axis=1)
        least = np.array([_redrawn(found, places).minimum_detectable_lift for found in compared])
        wins[np.lexsort((spread, least))[0]] += 1
    return np.asarray(wins / REDRAWN_PASTS)


def _redrawn(found: SimulatedPower, places: NDArray[np.intp]) -> SimulatedPower:
    return found if found.found is None else replace(found, rejected=found.found[places].mean(axis=0))
