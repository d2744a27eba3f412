"""Assignment: whether a running test withholds a channel's ads from a person, in this session, on this device."""

import math
from typing import Any

import numpy as np

from simulator.compiled import aside, entry_point, part
from simulator.draws import COOKIE_ARM, LOGGED_IN, TEST_COOKIE, uniforms
from simulator.law.board import Board
from simulator.law.moment import Moment
from simulator.law.parameters import Law
from simulator.law.state import BY_COOKIE

COOKIES_PER_DEVICE = 1 << 24  # more than any run is long


@part
def channels_withheld(law: Law, board: Board, person: Any, moment: Moment, variant: Any) -> int:
    """The channels whose running tests withhold their ads here and now (bit k); in a variant, everywhere from everyone."""
    running = np.int64(board.holdouts[moment.tick])
    withheld = (np.int64(person.held_out) | np.int64(variant.held_out)) & running
    by_session = law.tests_not_by_person & running & ~np.int64(variant.held_out)
    if by_session == 0:
        return withheld  # type: ignore[return-value]  # an int to compiled code
    return withheld_by_session(law, person, moment, withheld & ~by_session, by_session)  # type: ignore[arg-type]  # ints


@aside
def withheld_by_session(law: Law, person: Any, moment: Moment, withheld: int, by_session: int) -> int:
    """Add the channels whose tests look at the cookie or at the log-in of a session (bit k of `by_session`)."""
    for k in range(law.tests.size):
        if (by_session >> k) & 1:
            test = law.tests[k]
            if test.assignment == BY_COOKIE:
                held_out = cookie_is_held_out(test, moment.seed, moment.user, moment.device, moment.time)
            else:
                held_out = (person.held_out >> k) & 1 == 1 and is_logged_in(test, person, moment)
            if held_out:
                withheld |= 1 << k
    return withheld


@aside
def is_logged_in(test: Any, person: Any, moment: Moment) -> bool:
    """Whether a person is logged in during a session: never, unless they are one who logs in."""
    if not person.logs_in:
        return False
    draw, _, _, _ = uniforms(moment.seed, moment.user, moment.session, LOGGED_IN, 0)
    return draw < test.logged_in_share  # type: ignore[no-any-return]  # records


@aside
def cookie_number(test: Any, seed: int, user: int, device: int, time: float) -> int:
    """Which of a device's cookies lives at a time: they follow each other every `cookie_days`, from a phase of its own."""
    phase, _, _, _ = uniforms(seed, user, device, TEST_COOKIE, 0)
    return math.floor(time / test.cookie_days + phase)  # type: ignore[no-any-return]  # records


@aside
def cookie_is_held_out(test: Any, seed: int, user: int, device: int, time: float) -> bool:
    """Whether the cookie that lives on a device at a time is in the holdout."""
    number = cookie_number(test, seed, user, device, time)
    draw, _, _, _ = uniforms(seed, user, device * COOKIES_PER_DEVICE + number, COOKIE_ARM, test.address)
    return draw < test.share  # type: ignore[no-any-return]  # records


@entry_point
def fill_cookies(tests: Any, k: int, seed: int, user: Any, device: Any, time: Any, number: Any, held_out: Any) -> None:
    """Fill number and arm of the cookie behind each (user, device, time), all of shape (rows,)."""
    test = tests[k]
    for i in range(user.size):
        number[i] = cookie_number(test, seed, user[i], device[i], time[i])
        held_out[i] = cookie_is_held_out(test, seed, user[i], device[i], time[i])
