"""Power of a switchback test: random schedules tried on a past in which nothing was switched."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cpalab.refusal import refuse
from experiments.lift.columns import days, frame_of, numbers
from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.geo.planning.power import SimulatedPower, power_problems
from experiments.lift.geo.switchback import block_means, read_blocks, schedule_problems, switchback_schedule

__all__ = ["switchback_power"]


def switchback_power(
    data: Any,
    block_days: int,
    blocks: int,
    rng: np.random.Generator,
    *,
    washout_days: int = 0,
    relative_lifts: Sequence[float] = (0.02, 0.05, 0.1, 0.15, 0.2),
    schedules: int = 200,
    level: float = 0.95,
    power: float = 0.80,
) -> SimulatedPower:
    """Share of random schedules, each on a random stretch of the past, in which a lift added to the days on is found.

    Schedules are drawn independently, and they are what chance in this test consists of: more of them give finer shares.

    Args:
        data: any data frame narwhals reads, with the columns `date, response`, one row per day.
        block_days: length of a block.
        blocks: number of blocks of the test.
        rng: source of randomness.
        washout_days: days left out at the start of every block.
        relative_lifts: effects to add to the days on; 0 is always tried too.
        schedules: how many to try.
        level: confidence level of the two-sided test.
        power: wanted power.

    Raises:
        LiftInputError: missing columns or values, a past shorter than the test, what `switchback_schedule` or
            `switchback_test` refuses.

    Example:
        >>> import numpy as np
        >>> import pandas as pd
        >>> from experiments.lift import switchback_power
        >>> rng = np.random.default_rng(1)
        >>> past = pd.DataFrame({"date": pd.date_range("2026-01-05", periods=84), "response": rng.normal(100, 5, 84)})
        >>> switchback_power(past, 7, 8, rng, schedules=10).minimum_detectable_lift
        0.1
    """
    frame = frame_of(data)
    refuse(
        [f"{name}: column is required; the table has {', '.join(frame.columns)}"
         for name in ("date", "response") if name not in frame.columns]
    )  # fmt: skip
    problems: list[str] = []
    if "state" in frame.columns:
        problems.append("state: the past must hold no switches; give days before any test, without this column")
    response, dates = numbers(frame, "response", problems), days(frame, "date", problems)
    problems += power_problems(relative_lifts, level, power)
    if schedules < 1:
        problems.append(f"schedules: {schedules} must be at least 1; 200 are a start")
    refuse(problems)
    plan = switchback_schedule(blocks, block_days, rng)["state"].to_numpy()
    length = plan.size
    if dates.size < length:
        refuse(
            [f"blocks: {blocks} of {block_days} days must fit into the {dates.size} days of the past; bring more of it"]
        )
    order = np.argsort(dates)
    refuse(schedule_problems(dates[order], plan, block_days, washout_days))
    response = response[order]
    lifts = np.concatenate([[0.0], np.sort(np.asarray(relative_lifts, dtype=np.float64))])
    found = np.empty((schedules, lifts.size), dtype=bool)
    errors, total = np.empty(schedules), np.empty(schedules)
    for k in range(schedules):
        start = int(rng.integers(dates.size - length + 1))
        on = switchback_schedule(blocks, block_days, rng)["state"].to_numpy() == "on"
        past, is_on = response[start : start + length], on[::block_days]
        total[k] = past[on].sum()
        for j, lift in enumerate(lifts):
            means = block_means(past * (1 + lift * on), block_days, washout_days)
            estimate = read_blocks(means, is_on, np.zeros(means.size)).lift
            found[k, j] = estimate.p_value() < significance(level)
            if lift == 0:
                errors[k] = estimate.relative_lift
    return SimulatedPower(
        lifts, found.mean(axis=0), errors, schedules, schedules, float(total.mean()), level, power, "random schedules"
    )
