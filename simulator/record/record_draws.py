"""Chance in the record: four uniform numbers in (0, 1) for each of many addresses."""

from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.compiled import entry_point
from simulator.draws import uniforms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int16]
Bools = npt.NDArray[np.bool_]


def draws_at(seed: int, user: Any, session: Any, purpose: np.uint64, block: Any = 0) -> Floats:
    """The numbers at these addresses, float64 (4, n); `user` (n,), the other parts numbers or (n,)."""
    users = np.asarray(user, np.int64)
    out = np.empty((4, len(users)))
    _fill(out, seed, users, _as_many(session, users), np.uint64(purpose), _as_many(block, users))
    return out


def extra_copies(rate: Floats, draw: Floats) -> Ints:
    """How many more there are, with mean `rate`: its whole part, and one more by chance for the rest."""
    whole = np.floor(rate)
    return (whole + (draw < rate - whole)).astype(np.int64)


def _as_many(number: Any, users: Ints) -> Ints:
    return np.ascontiguousarray(np.broadcast_to(np.asarray(number, np.int64), users.shape))


@entry_point
def _fill(out: Floats, seed: int, user: Ints, session: Ints, purpose: np.uint64, block: Ints) -> None:
    for i in range(user.size):
        out[0, i], out[1, i], out[2, i], out[3, i] = uniforms(seed, user[i], session[i], purpose, block[i])
