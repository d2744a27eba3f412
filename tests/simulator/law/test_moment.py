"""The moment: when a session happens, in which tick, on which device, and its draws."""

import math

import numpy as np
import pytest

from simulator.calendar import LATTICE, NEVER
from simulator.draws import AUCTION, SESSION, normal_at, uniforms_at
from simulator.law import moment as module
from simulator.law.board import blank_board
from simulator.law.state import ITINERARY, record_array


@pytest.fixture
def arrive(plain, stage):
    step = plain(module.arrive)
    itinerary = record_array(1, ITINERARY)[0]
    itinerary.next_time = itinerary.operational = 0.25

    def call():
        return itinerary, step(stage.law, stage.board, stage.person, itinerary, 9, 5)

    return call


def test_sessions_follow_each_other_after_exponential_gaps_of_operational_time(stage, arrive):
    stage.tables["calendar"] = {}
    stage.set_up()
    stage.person.activity = 4.0
    operational = 0.25
    for session in range(20):
        itinerary, moment = arrive()
        gap = -math.log(uniforms_at(9, 5, session, int(SESSION), 0)[0]) / 4.0
        operational += gap
        assert (moment.session, itinerary.session) == (session, session + 1)
        assert moment.next_time == itinerary.next_time
        assert itinerary.next_time == pytest.approx(operational, abs=1 / LATTICE)


def test_days_since_the_last_session_are_the_difference_of_their_times(arrive):
    itinerary, first = arrive()
    _, second = arrive()
    assert first.days_since_last == first.time
    assert second.days_since_last == second.time - first.time
    assert itinerary.last_time == second.time


def test_draws_come_from_their_addresses(arrive):
    _, moment = arrive()
    _, need, surface, visit = uniforms_at(9, 5, 0, int(SESSION), 0)
    slot, price, pace, _ = uniforms_at(9, 5, 0, int(AUCTION), 0)
    assert (moment.need_draw, moment.surface_draw, moment.visit_draw) == (need, surface, visit)
    assert (moment.slot_draw, moment.pace_draw) == (slot, pace)
    assert normal_at(9, 5, 0, int(AUCTION), 0) != moment.rival_normal  # from the second word, not the first
    assert 0.5 * (1.0 + math.erf(moment.rival_normal / math.sqrt(2.0))) == pytest.approx(price)


def test_after_the_run_there_is_no_session(stage, arrive):
    stage.person.activity = 1e-6
    _, moment = arrive()
    assert moment.next_time == NEVER


@pytest.mark.parametrize("tick_days", [1.0, 1.0 / 24.0, 5.0 / 24.0, 7.0])
@pytest.mark.parametrize("days", [0.3, 2.5, 14.0])
def test_a_session_is_in_the_tick_that_began_before_it(plain, days, tick_days):
    tick_of = plain(module.tick_of)
    board = blank_board(days, tick_days, 1, 1, 1)
    assert board.starts[0] == 0.0
    assert board.starts[-1] == pytest.approx(days, abs=1 / LATTICE)
    assert (np.diff(board.starts) > 0).all()
    points = np.unique(np.clip(np.round(board.starts * LATTICE)[:, None] + np.arange(-3, 4), 0, days * LATTICE - 1))
    for time in (np.floor(points) + 0.5) / LATTICE:
        if time < days:
            tick = tick_of(board, time)
            assert board.starts[tick] <= time < board.starts[tick + 1]


@pytest.mark.parametrize("tick_days", [1.0, 5.0 / 24.0, 7.0])
@pytest.mark.parametrize(("days", "start", "end"), [(0.3, -2, 3.3), (2.5, -3, 2.5), (14.0, -45, 44.0), (14.0, 0, 15.0)])
def test_no_tick_lies_on_both_sides_of_the_reported_window(plain, days, start, end, tick_days):
    tick_of = plain(module.tick_of)
    board = blank_board(days, tick_days, 1, 1, 1, start=start, end=end)
    assert (board.starts[0], board.starts[board.first_tick]) == (start, 0.0)
    assert board.starts[board.last_tick] == pytest.approx(days, abs=1 / LATTICE)
    assert board.starts[-1] == pytest.approx(end, abs=1 / LATTICE)
    assert (np.diff(board.starts) > 0).all()
    assert (np.diff(board.starts) <= tick_days + 1e-5).all()
    points = np.unique(np.round(board.starts * LATTICE)[:, None] + np.arange(-3, 4))
    for time in (np.floor(points) + 0.5) / LATTICE:
        if start <= time < end:
            tick = tick_of(board, time)
            assert board.starts[tick] <= time < board.starts[tick + 1]


@pytest.mark.parametrize(
    ("devices", "borders"),
    [(1, []), (2, [(0.7, 0, 1)]), (3, [(0.7, 0, 1), (0.85, 1, 2)])],
)
def test_most_sessions_are_on_the_main_device_and_the_rest_on_the_others_alike(plain, stage, devices, borders):
    device_in_use = plain(module.device_in_use)
    person = stage.person
    person.devices, person.first_device, person.second_device, person.third_device = devices, 0, 1, 2
    for border, below, above in borders:
        assert device_in_use(stage.law, person, border - 1e-9) == below
        assert device_in_use(stage.law, person, border + 1e-9) == above
    assert device_in_use(stage.law, person, 1e-9) == 0
    assert device_in_use(stage.law, person, 1.0 - 1e-9) == devices - 1
