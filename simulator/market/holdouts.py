"""Holdouts: which user-level experiments are running, and which cookies they hold out."""

from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.law.assignment import fill_cookies
from simulator.law.parameters import Law
from simulator.scenario.schema import Holdout


def is_running(holdout: Holdout, day: float) -> bool:
    """Whether the experiment withholds ads on this day."""
    return holdout.share > 0.0 and holdout.start_day <= day and (holdout.end_day is None or day < holdout.end_day)


def cookies_of(
    law: Law, k: int, seed: int, user: npt.NDArray[Any], device: npt.NDArray[Any], time: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Number and arm (held out?) of the cookie behind each (user, device, time), in the test on channel k by cookie."""
    number, held_out = np.empty(user.size, np.int64), np.empty(user.size, np.bool_)
    fill_cookies(
        law.tests, k, seed, user.astype(np.int64), device.astype(np.int64), time.astype(np.float64), number, held_out
    )  # fmt: skip
    return number, held_out
