"""Switchback (on/off) test: advertising switched on and off in blocks of days, in responses and cost."""

import math
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.refusal import choice_problems, refuse
from experiments.lift.columns import coded, days, frame_of, numbers
from experiments.lift.estimate.arm_sums import PairStatistics
from experiments.lift.estimate.lift_estimate import StudentDistribution, level_problems
from experiments.lift.estimate.welch import welch_lift
from experiments.lift.geo.panel import Outcome
from experiments.lift.geo.result import GeoLiftTest

__all__ = ["switchback_schedule", "switchback_test"]

STATES = ("on", "off")


def switchback_schedule(blocks: int, block_days: int, rng: np.random.Generator) -> pd.DataFrame:
    """A random on/off plan: `day, block, state`; of each pair of neighbouring blocks one is on.

    Args:
        blocks: how many blocks, an even number.
        block_days: length of a block in days.
        rng: draws which block of each pair is on.

    Raises:
        LiftInputError: an odd number of blocks, or fewer than four; blocks without days.
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
    """(ȳ_on − ȳ_off)·days on, ȳ the mean over blocks of the mean response per day, by Welch's test of blocks.

    The block is the unit of analysis, since neighbouring days are alike. The first `washout_days` of every
    block are left out, because ads work on after they stop.

    Args:
        data: any data frame narwhals reads, with the columns `date, response, state` (on or off) `[, cost]`,
            one row per day.
        block_days: length of a block; the state may change between blocks only.
        levels: confidence levels to report.
        washout_days: days left out at the start of every block.
        outcome: what the response is.

    Raises:
        LiftInputError: missing columns, missing values, negative costs or conversions, repeated or missing days, states
            that change within a block, fewer than two blocks on or off.
    """
    frame = frame_of(data)
    refuse(
        level_problems(levels)
        + choice_problems("outcome", outcome, get_args(Outcome))
        + [
            f"{name}: column is required; the table has {', '.join(frame.columns)}"
            for name in ("date", "response", "state")
            if name not in frame.columns
        ]
    )
    problems: list[str] = []
    refunds = "if it is value with refunds, ask for outcome value" if outcome == "conversions" else None
    response = numbers(frame, "response", problems, refunds)
    has_cost = "cost" in frame.columns
    cost = numbers(frame, "cost", problems, "book credits elsewhere") if has_cost else np.zeros(response.size)
    codes, states = coded(frame, "state", problems)
    dates = days(frame, "date", problems)
    refuse(problems)
    order = np.argsort(dates)
    state = np.array([str(label) for label in states], dtype=object)[codes][order]
    response, cost = response[order], cost[order]
    refuse(schedule_problems(dates[order], state, block_days, washout_days))

    blocks = response.size // block_days
    is_on = state[::block_days][:blocks] == "on"
    if min(is_on.sum(), (~is_on).sum()) < 2:
        refuse([f"state: {int(is_on.sum())} of {blocks} blocks on must be at least 2 on and 2 off"])
    means = [block_means(values, block_days, washout_days) for values in (response, cost)]
    on, off = (PairStatistics.from_values(means[0][arm], means[1][arm]) for arm in (is_on, ~is_on))
    scale = float(is_on.sum() * block_days)
    lift = welch_lift(on.outcome, off.outcome).scaled(scale)
    spent = on.other.mean - off.other.mean
    variance = on.other.mean_variance + off.other.mean_variance
    covariance = on.covariance / on.users + off.covariance / off.users
    known = isinstance(lift.distribution, StudentDistribution) and math.isfinite(lift.standard_error)
    return GeoLiftTest(
        lift=lift,
        outcome=outcome,
        method="switchback",
        inference="blocks_of_days",
        treated_geos=1,
        control_geos=0,
        cost=scale * spent if has_cost else math.nan,
        cost_standard_error=scale * math.sqrt(variance) if known else 0.0,
        cost_covariance=scale**2 * covariance if known else 0.0,
        levels=tuple(levels),
        notes=(
            f"{int(is_on.sum())} blocks on, {int((~is_on).sum())} off, of {block_days} days each.",
            *_notes(response, cost, blocks * block_days),
        ),
    )


def block_means(values: NDArray[np.float64], block_days: int, washout_days: int) -> NDArray[np.float64]:
    """Mean per day of every whole block, without its first `washout_days`; of shape `(blocks,)`."""
    blocks = values.size // block_days
    by_block = values[: blocks * block_days].reshape(blocks, block_days)
    return np.asarray(by_block[:, washout_days:].mean(axis=1))


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
    if not 1 <= block_days <= max(1, state.size // 4):
        problems.append(f"block_days: {block_days} must leave at least four blocks in {state.size} days")
    elif not 0 <= washout_days < block_days:
        problems.append(f"washout_days: {washout_days} must lie between 0 and {block_days - 1}")
    else:
        switches = np.flatnonzero(state[1:] != state[:-1]) + 1
        within = switches[switches % block_days != 0]
        if within.size:
            problems.append(
                f"state: it changes on {dates[within[0]]}, within a block of {block_days} days; "
                "give the block length of the plan"
            )
    return problems
