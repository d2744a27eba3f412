"""The moment: what the calendar and chance bring to a session, the same in every world (days, uniform draws)."""

import math
from typing import Any, NamedTuple

import numpy as np

from simulator.calendar import clock_time
from simulator.compiled import aside, part
from simulator.draws import AUCTION, SESSION, TRAVEL, exponential, normal, uniforms
from simulator.law.board import Board
from simulator.law.parameters import Law


class Moment(NamedTuple):
    """Everything about a session that no ad can change. Times in days, draws uniform on (0, 1) unless named otherwise."""

    seed: int
    user: int
    session: int
    time: float
    days_since_last: float
    next_time: float
    tick: int
    epoch: int
    device: int
    geo: int
    need_draw: float
    surface_draw: float
    visit_draw: float
    slot_draw: float
    pace_draw: float
    rival_normal: float


@part
def arrive(law: Law, board: Board, person: Any, itinerary: Any, seed: int, user: int) -> Moment:
    """The moment of a person's next session; the itinerary moves on to the one after it.

    Gaps between sessions are exponential with mean 1/activity in operational time, which the calendar turns into days.
    """
    time = itinerary.next_time
    session = itinerary.session
    gap_draw, need_draw, surface_draw, visit_draw = uniforms(seed, user, session, SESSION, 0)
    slot_draw, price_draw, pace_draw, device_draw = uniforms(seed, user, session, AUCTION, 0)
    itinerary.operational += exponential(gap_draw) / person.activity
    itinerary.next_time = clock_time(law.calendar, itinerary.operational)
    days_since_last = time - itinerary.last_time
    itinerary.last_time = time
    itinerary.session += 1
    tick = tick_of(board, time)
    return Moment(
        seed, user, session, time, days_since_last, itinerary.next_time, tick, board.epoch[tick],
        device_in_use(law, person, device_draw), whereabouts(law, person, seed, user, session), need_draw,
        surface_draw, visit_draw, slot_draw, pace_draw, normal(price_draw),
    )  # fmt: skip


@part
def tick_of(board: Board, time: float) -> int:
    """The tick that a time falls into; ticks are counted from day 0, and in the follow-up from its beginning."""
    tick = board.first_tick + math.floor(time * board.ticks_per_day)
    if tick >= board.last_tick and time >= board.starts[board.last_tick]:
        tick = board.last_tick + int((time - board.starts[board.last_tick]) * board.ticks_per_day)
    tick = min(max(tick, 0), board.starts.size - 2)
    if time < board.starts[tick]:
        return tick - 1  # type: ignore[no-any-return]  # arrays
    return tick + 1 if time >= board.starts[tick + 1] else tick  # type: ignore[no-any-return]  # arrays


@part
def device_in_use(law: Law, person: Any, draw: float) -> int:
    """The main device with probability `main_device_share`, else one of the others, alike."""
    if person.devices == 1 or draw < law.main_device_share:
        return person.first_device  # type: ignore[no-any-return]  # a record's field
    if person.devices == 2 or draw < 0.5 * (1.0 + law.main_device_share):
        return person.second_device  # type: ignore[no-any-return]  # a record's field
    return person.third_device  # type: ignore[no-any-return]  # a record's field


@part
def whereabouts(law: Law, person: Any, seed: int, user: int, session: int) -> int:
    """The geo of a session: home, or with probability `travel_share` another, drawn by the people who live there."""
    if law.travel_share == 0.0:
        return person.geo  # type: ignore[no-any-return]  # a record's field
    return on_the_road(law, person, seed, user, session)


@aside
def on_the_road(law: Law, person: Any, seed: int, user: int, session: int) -> int:
    """The same where people travel."""
    travels, place, _, _ = uniforms(seed, user, session, TRAVEL, 0)
    if travels >= law.travel_share:
        return person.geo  # type: ignore[no-any-return]  # a record's field
    left = place * (1.0 - law.geo_shares[person.geo])
    chosen = person.geo
    for geo in range(law.geo_shares.size):
        if geo != person.geo and law.geo_shares[geo] > 0.0:
            chosen = np.uint8(geo)
            left -= law.geo_shares[geo]
            if left < 0.0:
                break
    return chosen  # type: ignore[no-any-return]  # a record's field
