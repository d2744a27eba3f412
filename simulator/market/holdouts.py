"""Holdouts: which user-level experiments are running, and which people and cookies they hold out."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulator.law.assignment import fill_cookies
from simulator.law.parameters import Law
from simulator.scenario.schema import Holdout, Scenario

Mask = npt.NDArray[np.bool_]


def is_running(holdout: Holdout, day: float) -> bool:
    """Whether the experiment withholds ads on this day."""
    return (
        holdout.share > 0.0
        and not holdout.shelved
        and holdout.start_day <= day
        and (holdout.end_day is None or day < holdout.end_day)
    )


def compared_arms(users: pa.Table, scenario: Scenario, channel: str) -> tuple[Mask, Mask]:
    """Who is treated and who is held out, (users,) each; people in another arm of an exclusive group are neither."""
    people = ~_column(users, "robot")
    holdout = scenario.channels[channel].holdout
    if holdout.assignment == "login":
        people &= _column(users, "log_in")
    if holdout.group is not None:
        for other in scenario.holdout_groups()[holdout.group]:
            if other != channel:
                people &= ~_column(users, f"holdout_{other}")
    held_out = _column(users, f"holdout_{channel}")
    return people & ~held_out, people & held_out


def _column(users: pa.Table, name: str) -> Mask:
    values: Mask = users[name].to_numpy(zero_copy_only=False)
    return values


def cookies_of(
    law: Law, k: int, seed: int, user: npt.NDArray[Any], device: npt.NDArray[Any], time: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Number and arm (held out?) of the cookie behind each (user, device, time), in the test on channel k by cookie."""
    number, held_out = np.empty(user.size, np.int64), np.empty(user.size, np.bool_)
    fill_cookies(
        law.tests, k, seed, user.astype(np.int64), device.astype(np.int64), time.astype(np.float64), number, held_out
    )  # fmt: skip
    return number, held_out
