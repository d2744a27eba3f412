"""Switchback (on/off) test: advertising switched on and off in blocks of days, in responses and cost."""

import math
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.lift.arms import PairStatistics
from experiments.lift.estimate import StudentLaw
from experiments.lift.geo.panel import Outcome, dates_of, number_problems
from experiments.lift.geo.result import GeoLiftTest
from experiments.lift.refusal import refuse
from experiments.lift.welch import welch_lift

__all__ = ["switchback_schedule", "switchback_test"]

STATES = ("on", "off")


def switchback_schedule(blocks: int, block_days: int, rng: np.random.Generator) -> pd.DataFrame:
    """A random on/off plan: `day, block, state`; of each pair of neighbouring blocks one is on.

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
        LiftInputError: missing columns, repeated or missing days, states that change within a block, fewer
            than two blocks on or off.
    """
    frame = nw.from_native(data, eager_only=True)
    refuse(
        [
            f"{name}: column is required; the table has {', '.join(frame.columns)}"
            for name in ("date", "response", "state")
            if name not in frame.columns
        ]
    )
    has_cost = "cost" in frame.columns
    problems: list[str] = []
    for name in ("response", "cost") if has_cost else ("response",):
        problems += number_problems(name, frame[name].to_numpy())
    dates = dates_of(frame["date"].to_numpy(), "date", problems)
    refuse(problems)
    order = np.argsort(dates)
    state = frame["state"].to_numpy()[order]
    response = frame["response"].to_numpy().astype(np.float64)[order]
    cost = frame["cost"].to_numpy().astype(np.float64)[order] if has_cost else np.zeros(response.size)
    refuse(_problems(dates[order], state, block_days, washout_days))

    block = np.arange(response.size) // block_days
    blocks = response.size // block_days
    kept = (np.arange(response.size) % block_days >= washout_days) & (block < blocks)
    days = np.bincount(block[kept], minlength=blocks)
    mean_response = np.bincount(block[kept], weights=response[kept], minlength=blocks) / days
    mean_cost = np.bincount(block[kept], weights=cost[kept], minlength=blocks) / days
    is_on = state[::block_days][:blocks] == "on"
    if min(is_on.sum(), (~is_on).sum()) < 2:
        refuse([f"state: {int(is_on.sum())} of {blocks} blocks on must be at least 2 on and 2 off"])
    on, off = (PairStatistics.from_values(mean_response[a], mean_cost[a]) for a in (is_on, ~is_on))
    scale = float(is_on.sum() * block_days)
    lift = welch_lift(on.outcome, off.outcome).scaled(scale)
    spent = on.other.mean - off.other.mean
    variance = on.other.mean_variance + off.other.mean_variance
    covariance = on.covariance / on.users + off.covariance / off.users
    known = isinstance(lift.law, StudentLaw) and math.isfinite(lift.standard_error)
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
        notes=(f"{int(is_on.sum())} blocks on, {int((~is_on).sum())} off, of {block_days} days each.",),
    )


def _problems(
    dates: NDArray[np.datetime64],
    state: NDArray[Any],
    block_days: int,
    washout_days: int,
) -> list[str]:
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
