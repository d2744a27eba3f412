"""Explain: CPA before and after, and the part of each change in its shift, real or only in the record (currency per action).

Before and after are the same days, without the changes and with them. Worlds and records are played again under subsets of
the changes, with the same people and the same draws, so nothing is left to chance; the parts are Shapley values.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from attribution.models.shapley.coalitions import all_coalitions, exact_shapley, sampled_shapley
from cpalab.arguments import Count, checked
from cpalab.refusal import InvalidInputError, Problem
from cpalab.result import Result
from experiments.comparison.by_day import TOLD, cpa_by_week, telling
from experiments.comparison.explain.dated_changes import Changes, dated_changes
from experiments.comparison.explain.factors import Split, split_cpa
from experiments.comparison.explain.replays import INCREMENTAL, Replays, State, cpas
from experiments.truth.conversion_noun import ORDER, ConversionNoun
from experiments.truth.effects import ALL
from simulator.playing import EngineName
from simulator.scenario.schema import Scenario

EXACT_CHANGES = 8  # 2^8 worlds; beyond, orders are drawn
ORDERS = 24  # of making the changes, drawn in pairs
OTHER_DAYS = "the days themselves"
Kind = Literal["real", "record", "time"]


@dataclass(frozen=True)
class Cause:
    """Something that moved CPA.

    Attributes:
        name: for people.
        kind: `real`, `record`, or `time`: what other days would have shown without any change.
        day: from when on; None: from the start.
    """

    name: str
    kind: Kind
    day: float | None = None


@dataclass(frozen=True)
class Shift:
    """How the CPA of one channel (`all`: every paid one) in one system (or `incremental`) moved, and why.

    Attributes:
        channel, system: which.
        before, after: cost per action, in currency; nan where there is no price, inf where money caused nothing.
        cost_before, cost_after: in currency; actions_before, actions_after: what was counted, or caused.
        parts: of each cause, in currency per action (causes,); they add to after - before; nan where one of the worlds in
            between has no price.
        errors: standard error of each part (causes,); 0 where parts are exact.
        split: price, click rate, conversion rate and mix of segments; None for `incremental`.
    """

    channel: str
    system: str
    before: float
    after: float
    cost_before: float
    cost_after: float
    actions_before: float
    actions_after: float
    parts: npt.NDArray[np.float64]
    errors: npt.NDArray[np.float64]
    split: Split | None

    @property
    def moved(self) -> float:
        """CPA after minus CPA before; nan where one of them is no number."""
        return self.after - self.before if math.isfinite(self.before) and math.isfinite(self.after) else math.nan


@dataclass(frozen=True)
class Explanation(Result):
    """Why CPA moved.

    Attributes:
        title: what was compared.
        currency: of all money.
        action: what a conversion is called.
        days: first day, and the day before which it ends.
        against: the earlier days that are `before`; None: the same days without the changes.
        causes: in the order of all parts.
        shifts: per channel and system, then `incremental`.
        weeks: CPA by week as it was, columns of `cpa_by_week`.
        orders: of making the changes that were drawn; 0: all of them, exactly.

    Example:
        >>> from experiments import explain
        >>> from simulator import load_scenario
        >>> window = {"day": 3.0, "set": {"tracking.platforms.meta.click_days": 0.5}, "note": "the window"}
        >>> found = explain(load_scenario("dropshipping", {"run.users": 2000, "timeline": [window]}))
        >>> found.against is None, found.orders  # the same days without the change, and its part exactly
        (True, 0)
    """

    title: str
    currency: str
    action: ConversionNoun
    days: tuple[int, int]
    against: tuple[int, int] | None
    causes: tuple[Cause, ...]
    shifts: tuple[Shift, ...]
    weeks: pd.DataFrame
    orders: int = 0

    def shift(self, channel: str = ALL, system: str = "platform") -> Shift:
        """The shift of one channel in one system.

        Raises:
            KeyError: there is none.
        """
        for shift in self.shifts:
            if (shift.channel, shift.system) == (channel, system):
                return shift
        raise KeyError(f"no {system} of {channel}")

    def part(self, kind: Kind, channel: str = ALL, system: str = "platform") -> float:
        """The sum of the parts of one kind, in currency per action; 0 where there is no such cause."""
        parts = self.shift(channel, system).parts
        return float(sum(part for part, cause in zip(parts, self.causes, strict=True) if cause.kind == kind))

    def to_frame(self) -> pd.DataFrame:
        """One row per channel, system and cause: what CPA was and is, and the cause's part in the shift."""
        rows = [
            {
                "channel": shift.channel,
                "system": shift.system,
                "cpa_before": shift.before,
                "cpa_after": shift.after,
                "cause": cause.name,
                "kind": cause.kind,
                "day": math.nan if cause.day is None else cause.day,
                "part": part,
                "standard_error": error,
            }
            for shift in self.shifts
            for cause, part, error in zip(self.causes, shift.parts, shift.errors, strict=True)
        ]
        return pd.DataFrame(rows)

    def split_frame(self) -> pd.DataFrame:
        """One row per channel and system: cost per click, conversion rate, and the part of each factor of CPA."""
        return pd.DataFrame(
            {
                "channel": shift.channel,
                "system": shift.system,
                "cpc_before": shift.split.cpc_before,
                "cpc_after": shift.split.cpc_after,
                "conversion_rate_before": shift.split.cvr_before,
                "conversion_rate_after": shift.split.cvr_after,
                **{factor.replace(" ", "_"): part for factor, part in shift.split.parts.items()},
            }
            for shift in self.shifts
            if shift.split is not None
        )

    def summary(self) -> str:
        """What moved and why, in sentences."""
        from experiments.comparison.explain.sentences import sentences

        return "\n".join(sentences(self))


@checked(InvalidInputError, but=("between", "against", "orders"))
def explain(
    changes: Changes | Scenario,
    *,
    between: tuple[int, int] | None = None,
    against: tuple[int, int] | None = None,
    orders: int = ORDERS,
    truth: bool = True,
    threads: Count = 1,
    engine: EngineName = "cohort",
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> Explanation:
    """φ_i = mean over all orders of making the changes of CPA with change i minus CPA just before it; Σ φ_i = after - before.

    Args:
        changes: what changed (`dated_changes`, `differences`, `planned_changes`), or a scenario with dated changes.
        between: first day and the day before which it ends; None: from the first change on, where all have a day, else all.
        against: earlier days to compare with; what these days differ in without any change is a part of its own. None:
            the same days without the changes.
        orders: how many orders of making the changes are drawn where there are more than 8 of them; an even number.
        truth: whether to explain the true incremental CPA too; takes a twin of each channel in every world.
        threads, engine: how many threads work, and how people advance; the numbers do not depend on either.
        progress: called with the name of a stage and the share of it that is done.

    Raises:
        InvalidInputError: the days or the number of orders make no sense.
        ScenarioError: nothing changes, or a set of the changes makes no scenario.

    Source: Shapley (1953), A value for n-person games; for the sampled orders see `sampled_shapley`.

    Example:
        >>> from experiments import explain
        >>> from simulator import load_scenario
        >>> window = {"day": 3.0, "set": {"tracking.platforms.meta.click_days": 0.5}, "note": "the window"}
        >>> scenario = load_scenario("dropshipping", {"run.users": 2000, "timeline": [window]})
        >>> explain(scenario).part("real")
        0.0
    """
    made = (dated_changes(changes) if isinstance(changes, Scenario) else changes).with_one_clock()
    now = made.scenario(range(len(made.changes)))
    window = chosen_days(made, now, between, against, orders)
    replays = Replays(made, window, truth=truth, threads=threads, engine=engine)
    n = len(replays.players)
    everyone: frozenset[int] = frozenset(range(n))
    systems = telling(*(replays.state(own).actions.sum(axis=1) for own in (frozenset[int](), everyone)))
    keys = [
        (channel, system)
        for channel in (*replays.channels, ALL)
        for system in (*systems, *([INCREMENTAL] if truth else []))
    ]
    # While the world with all changes is at hand: subsets would have it simulated once more.
    weeks = cpa_by_week(replays.world(everyone), replays.record(everyone))
    earlier = None if against is None else replays.other_days(everyone, against)
    with np.errstate(invalid="ignore"):
        if n <= EXACT_CHANGES:
            orders = 0
            parts, errors = _exact(replays, keys, progress)
        else:
            parts, errors = _sampled(replays, keys, orders, progress)
    before, after = replays.state(frozenset()), replays.state(everyone)
    causes = [Cause(p.name, "real" if p.real else "record", p.day) for p in replays.players]
    if earlier is not None:
        with np.errstate(invalid="ignore"):
            parts = np.vstack([parts, cpas(before, keys) - cpas(earlier, keys)])
        errors, before = np.vstack([errors, np.zeros(len(keys))]), earlier
        causes.append(Cause(OTHER_DAYS, "time"))
    shifts = [_shift(key, before, after, parts[:, i], errors[:, i]) for i, key in enumerate(keys)]
    noun = ConversionNoun.of(now) if now.funnel else ORDER
    return Explanation(
        made.title, now.market.currency, noun, window, against, tuple(causes), tuple(shifts), weeks, orders
    )


def chosen_days(
    changes: Changes, scenario: Scenario, between: tuple[int, int] | None, against: tuple[int, int] | None, orders: int
) -> tuple[int, int]:
    """The days that are explained.

    Raises:
        InvalidInputError: they lie outside of the run, or there are none; all problems at once.
    """
    last = math.ceil(scenario.run.days)
    problems = []
    for name, given in (("between", between), ("against", against)):
        if given is not None and not 0 <= given[0] < given[1] <= last:
            rule = f"must be days of the run, from 0 to {last}, the first before the last"
            problems.append(Problem(name, rule, f"{given[0]}..{given[1]}", "write 0..14 for the first two weeks"))
    if orders < 4 or orders % 2:
        problems.append(Problem("orders", "must be an even number, at least 4", str(orders), "they are drawn in pairs"))
    if problems:
        raise InvalidInputError(problems)
    if between is not None:
        return between
    dated = [change.day for change in changes.changes if change.day is not None]
    first = math.floor(min(dated)) if len(dated) == len(changes.changes) else 0
    return min(first, last - 1), last


def _exact(
    replays: Replays, keys: Sequence[tuple[str, str]], progress: Callable[[str, float], None]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Parts (players, keys) from all subsets; those that share a world are visited one after the other."""
    coalitions = [frozenset(map(int, np.flatnonzero(row))) for row in all_coalitions(len(replays.players))]
    for done, chosen in enumerate(sorted(coalitions, key=replays.group), start=1):
        replays.state(chosen)
        progress("replay", done / len(coalitions))
    worth = np.array([cpas(replays.state(chosen), keys) for chosen in coalitions])
    return exact_shapley(worth), np.zeros((len(replays.players), len(keys)))


def _sampled(
    replays: Replays, keys: Sequence[tuple[str, str]], orders: int, progress: Callable[[str, float], None]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Parts (players, keys) and their standard errors from drawn orders, each with its reverse."""
    drawn = 0

    def worth(coalitions: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        nonlocal drawn
        drawn += 1
        progress("replay", drawn / orders)
        return np.array([cpas(replays.state(frozenset(map(int, np.flatnonzero(row)))), keys) for row in coalitions])

    seed = replays.world(frozenset()).scenario.run.seed
    return sampled_shapley(worth, len(replays.players), orders // 2, np.random.default_rng(seed))


def _shift(
    key: tuple[str, str], before: State, after: State, parts: npt.NDArray[np.float64], errors: npt.NDArray[np.float64]
) -> Shift:
    channel, system = key
    split = None
    if system in TOLD:
        split = split_cpa(before.cells_of(channel, system), after.cells_of(channel, system))
    return Shift(
        channel, system, before.cpa(channel, system), after.cpa(channel, system), before.cost(channel, system),
        after.cost(channel, system), before.counted(channel, system), after.counted(channel, system), parts, errors, split,
    )  # fmt: skip
