"""Switchback (on/off) test: advertising switched on and off in blocks of days, in responses and cost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.refusal import choice_problems, refuse
from experiments.lift.columns import coded, days, frame_of, numbers
from experiments.lift.estimate.arm_sums import PairStatistics
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution, level_problems
from experiments.lift.estimate.welch import welch_lift
from experiments.lift.geo.incremental_cost import beyond_rounding
from experiments.lift.geo.observed_total import is_rounding
from experiments.lift.geo.panel import Outcome
from experiments.lift.geo.result import GeoLiftTest
from experiments.lift.geo.row_calendar import weekdays_of

__all__ = ["BlockReading", "block_means", "read_blocks", "switchback_schedule", "switchback_test"]

STATES = ("on", "off")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# With so many pairs one order throughout is no chance (1 in 16 at most).
FEWEST_PAIRS_TO_VARY = 5
# Standard errors by which the lift may differ from that within weekdays: days drawn at random differ more in 5 %.
WEEKDAYS_MATTER = 2.0


def switchback_schedule(blocks: int, block_days: int, rng: np.random.Generator) -> pd.DataFrame:
    """A random on/off plan: `day, block, state`; of each pair of neighbouring blocks one is on.

    Args:
        blocks: how many blocks, an even number.
        block_days: length of a block in days.
        rng: draws which block of each pair is on.

    Raises:
        LiftInputError: an odd number of blocks, or fewer than four; blocks without days.

    Example:
        >>> import numpy as np
        >>> from experiments.lift import switchback_schedule
        >>> plan = switchback_schedule(4, 7, np.random.default_rng(1))
        >>> plan.groupby("block")["state"].first().tolist()
        ['off', 'on', 'on', 'off']
    """
    problems = []
    if blocks < 4 or blocks % 2:
        problems.append(f"blocks: {blocks} must be even and at least 4; each pair has one on and one off")
    if block_days < 1:
        problems.append(f"block_days: {block_days} must be at least 1; 7 keeps weekdays balanced")
    refuse(problems)
    first = rng.integers(0, 2, blocks // 2)
    on = np.column_stack([first, 1 - first]).ravel().astype(bool)
    block = np.repeat(np.arange(blocks), block_days)
    return pd.DataFrame({"day": np.arange(block.size), "block": block, "state": np.where(on[block], "on", "off")})


def switchback_test(
    data: Any,
    block_days: int,
    levels: Sequence[float] = (0.90, 0.95),
    *,
    washout_days: int = 0,
    outcome: Outcome = "conversions",
) -> GeoLiftTest:
    """(ȳ_on − ȳ_off)·days on, ȳ the mean over blocks of the mean response per day.

    Where one block of every two neighbours is on, as `switchback_schedule` draws them, the pairs are what was randomised: the
    test is Student's of their differences, which a trend or a season longer than a pair does not touch. Other schedules are
    read by Welch's test of blocks. Blocks, not days, are compared, since neighbouring days are alike. The first
    `washout_days` of every block are left out, because ads work on after they stop.

    Args:
        data: any data frame narwhals reads, with the columns `date, response, state` (on or off) `[, cost]`,
            one row per day.
        block_days: length of a block; the state may change between blocks only.
        levels: confidence levels to report.
        washout_days: days left out at the start of every block.
        outcome: what the response is.

    Raises:
        LiftInputError: missing columns, missing values, negative costs or conversions, repeated or missing days, states
            that change within a block, fewer than two blocks on or off, states that never share a weekday.

    Example:
        >>> import numpy as np
        >>> from experiments.lift import switchback_schedule, switchback_test
        >>> plan = switchback_schedule(8, 7, np.random.default_rng(1))
        >>> plan["date"] = np.datetime64("2026-01-05") + plan["day"].to_numpy()
        >>> plan["response"] = 100 + 20 * (plan["state"] == "on") + np.random.default_rng(2).normal(0, 5, len(plan))
        >>> test = switchback_test(plan, block_days=7)
        >>> round(test.lift.relative_lift, 1), test.p_value < 0.05
        (0.2, True)
    """
    frame = frame_of(data)
    problems = level_problems(levels) + choice_problems("outcome", outcome, get_args(Outcome))
    problems += [
        f"{name}: column is required; the table has {', '.join(frame.columns)}"
        for name in ("date", "response", "state")
        if name not in frame.columns
    ]
    refunds = "if it is value with refunds, ask for outcome value" if outcome == "conversions" else None
    response = numbers(frame, "response", problems, refunds)
    has_cost = "cost" in frame.columns
    cost = numbers(frame, "cost", problems, "book credits elsewhere") if has_cost else np.zeros(response.size)
    codes, states = coded(frame, "state", problems)
    dates = days(frame, "date", problems)
    refuse(problems and problems + block_problems(len(frame), block_days, washout_days))
    order = np.argsort(dates)
    state = np.array([str(label) for label in states], dtype=object)[codes][order]
    response, cost = response[order], cost[order]
    refuse(schedule_problems(dates[order], state, block_days, washout_days))

    blocks = response.size // block_days
    is_on = state[::block_days][:blocks] == "on"
    if min(is_on.sum(), (~is_on).sum()) < 2:
        refuse([f"state: {int(is_on.sum())} of {blocks} blocks on must be at least 2 on and 2 off"])
    refuse(_weekday_problems(dates[order], state))
    means = [block_means(values, block_days, washout_days) for values in (response, cost)]
    read = read_blocks(means[0], is_on, means[1])
    scale = float(is_on.sum() * block_days)
    lift = read.lift.scaled(scale)
    spent = float(beyond_rounding(np.array([read.cost]), np.abs(cost))[0])
    place = np.arange(response.size)
    compared = (place < blocks * block_days) & (place % block_days >= washout_days)
    known = isinstance(lift.distribution, StudentDistribution) and math.isfinite(lift.standard_error)
    known = known and spent != 0
    return GeoLiftTest(
        lift=lift,
        outcome=outcome,
        method="switchback",
        inference="pairs_of_blocks" if read.in_pairs else "blocks_of_days",
        treated_geos=1,
        control_geos=0,
        cost=scale * spent if has_cost else math.nan,
        cost_standard_error=scale * math.sqrt(read.cost_variance) if known else 0.0,
        cost_covariance=scale**2 * read.covariance if known else 0.0,
        levels=tuple(levels),
        notes=(
            f"{int(is_on.sum())} blocks on, {int((~is_on).sum())} off, of {block_days} days each.",
            *read.notes,
            *_weekday_notes(dates[order], state),
            *_other_weekdays_notes(dates[order][compared], state[compared], response[compared], lift, scale),
            *_notes(response, cost, blocks * block_days),
        ),
    )


@dataclass(frozen=True)
class BlockReading:
    """On less off per day: response, and cost with its variance and covariance with the response.

    Attributes:
        lift: difference of responses per day.
        cost, cost_variance, covariance: of the difference of costs per day.
        in_pairs: whether neighbouring blocks were compared.
        notes: what must be said of the schedule.
    """

    lift: LiftEstimate
    cost: float
    cost_variance: float
    covariance: float
    in_pairs: bool
    notes: tuple[str, ...] = ()


def read_blocks(response: NDArray[np.float64], is_on: NDArray[np.bool_], cost: NDArray[np.float64]) -> BlockReading:
    """Blocks compared in pairs of neighbours where each has one on and one off, else as two groups; all `(blocks,)`."""
    pairs = is_on.size // 2
    first = is_on[: 2 * pairs].reshape(pairs, 2)
    if is_on.size % 2 or not (first[:, 0] != first[:, 1]).all():
        on, off = (PairStatistics.from_values(response[arm], cost[arm]) for arm in (is_on, ~is_on))
        return BlockReading(
            welch_lift(on.outcome, off.outcome),
            on.other.mean - off.other.mean,
            on.other.mean_variance + off.other.mean_variance,
            on.covariance / on.users + off.covariance / off.users,
            False,
            ("Blocks are not in pairs of on and off: a trend or a season is part of the error, or of the effect.",),
        )
    gains = response[is_on] - response[~is_on]
    money = cost[is_on] - cost[~is_on]
    without = response[~is_on]
    spread = np.cov(np.vstack([gains, money, without])) / pairs
    error = math.sqrt(spread[0, 0])
    if is_rounding(error, float(np.abs(response).max())):
        error = math.inf
    lift = LiftEstimate(
        StudentDistribution(
            float(gains.mean()),
            error,
            pairs - 1.0,
            float(without.mean()),
            math.sqrt(max(0.0, spread[2, 2])),
            spread[0, 2],
        )
    )
    notes: tuple[str, ...] = ()
    if pairs >= FEWEST_PAIRS_TO_VARY and (first[:, 0].all() or not first[:, 0].any()):
        notes = (
            f"On comes {'first' if first[0, 0] else 'last'} in every pair, which a coin hardly does: a trend would look "
            "like an effect. Draw the order of each pair.",
        )
    return BlockReading(lift, float(money.mean()), spread[1, 1], spread[0, 1], True, notes)


def block_means(values: NDArray[np.float64], block_days: int, washout_days: int) -> NDArray[np.float64]:
    """Mean per day of every whole block, without its first `washout_days`; of shape `(blocks,)`."""
    blocks = values.size // block_days
    by_block = values[: blocks * block_days].reshape(blocks, block_days)
    return np.asarray(by_block[:, washout_days:].mean(axis=1))


def _one_sided_weekdays(dates: NDArray[np.datetime64], state: NDArray[Any]) -> list[tuple[str, str]]:
    """Weekdays that are in one state only, with that state."""
    weekdays = weekdays_of(dates)
    found = []
    for day in np.unique(weekdays):
        states = set(state[weekdays == day])
        if len(states) == 1:
            found.append((WEEKDAYS[day], str(next(iter(states)))))
    return found


def _weekday_problems(dates: NDArray[np.datetime64], state: NDArray[Any]) -> list[str]:
    one_sided = _one_sided_weekdays(dates, state)
    if len(one_sided) < np.unique(weekdays_of(dates)).size:
        return []
    off = ", ".join(day for day, of_day in one_sided if of_day == "off")
    return [
        f"state: on and off never share a weekday (off: {off}), and must: the effect of the ads and that of the weekday "
        "cannot be told apart; switch in blocks of 7 days, or draw the days at random"
    ]


def _weekday_notes(dates: NDArray[np.datetime64], state: NDArray[Any]) -> list[str]:
    one_sided = _one_sided_weekdays(dates, state)
    if not one_sided:
        return []
    shown = ", ".join(f"{day} always {of_day}" for day, of_day in one_sided)
    return [f"Some weekdays are never both on and off ({shown}): what these days sell anyway is part of the effect."]


def _other_weekdays_notes(
    dates: NDArray[np.datetime64], state: NDArray[Any], response: NDArray[np.float64], lift: LiftEstimate, scale: float
) -> list[str]:
    """What is said where days of like weekday, compared by least squares on state and weekday, tell of another lift."""
    weekdays = weekdays_of(dates)
    design = np.column_stack([state == "on", weekdays[:, None] == np.unique(weekdays)]).astype(np.float64)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return []
    within = scale * float(np.linalg.lstsq(design, response, rcond=None)[0][0])
    if not abs(within - lift.difference) > WEEKDAYS_MATTER * lift.standard_error:
        return []
    return [
        f"On and off fall on other weekdays: among days of the same weekday the ads' effect is {within:z,.1f} instead of "
        f"{lift.difference:z,.1f}; the rest is what these days sell anyway, and the interval does not know it."
    ]


def _notes(response: NDArray[np.float64], cost: NDArray[np.float64], days_in_blocks: int) -> list[str]:
    notes = []
    rest = response.size - days_in_blocks
    if rest:
        notes.append(
            f"Days at the end that fill no block, left out: {rest}, with a response of "
            f"{response[days_in_blocks:].sum():z,.2f} and a cost of {cost[days_in_blocks:].sum():z,.2f}."
        )
    if (response < 0).any():
        notes.append("Some responses are negative; they count as refunds.")
    return notes


def block_problems(test_days: int, block_days: int, washout_days: int) -> list[str]:
    """What is wrong with the length of blocks, or of what is left out of them, in a test of so many days."""
    if not 1 <= block_days <= max(1, test_days // 4):
        return [f"block_days: {block_days} must leave at least four blocks in {test_days} days"]
    if not 0 <= washout_days < block_days:
        return [f"washout_days: {washout_days} must lie between 0 and {block_days - 1}"]
    return []


def schedule_problems(
    dates: NDArray[np.datetime64],
    state: NDArray[Any],
    block_days: int,
    washout_days: int,
) -> list[str]:
    """What is wrong with the days of a past and the states of a schedule, each in order of days."""
    problems = []
    strangers = sorted({str(value) for value in state} - set(STATES))
    if strangers:
        problems.append(f"state: {', '.join(strangers[:5])} must be on or off; rename the states")
    if (np.diff(dates) != np.timedelta64(1, "D")).any():
        problems.append("date: days must follow each other once each; sum repeated days, add missing ones")
    of_blocks = block_problems(state.size, block_days, washout_days)
    problems += of_blocks
    if not of_blocks:
        switches = np.flatnonzero(state[1:] != state[:-1]) + 1
        within = switches[switches % block_days != 0]
        if within.size:
            problems.append(
                f"state: it changes on {dates[within[0]]}, within a block of {block_days} days; "
                "give the block length of the plan"
            )
    return problems
