"""Kernels: the compiled loops that put people through the law: one session of one person, or all of a block up to a time."""

from typing import Any

from simulator.compiled import entry_point, part
from simulator.law.board import Board
from simulator.law.invalid_traffic import robot_session
from simulator.law.log import Log, is_full
from simulator.law.moment import Moment, arrive
from simulator.law.parameters import Law
from simulator.law.session import approach, respond
from simulator.law.state import Population, Shown, shown_to

LOG_FULL = -1.0  # instead of a time


@part
def session(
    law: Law, board: Board, person: Any, life: Any, goodwill: Any, shown: Shown, ledger: Any, fading: Any,
    moment: Moment, variant: Any, log: Log,
) -> None:  # fmt: skip
    """One session of a person, or of a robot, in one world."""
    if person.robot:
        robot_session(law, board, person, life, shown, ledger, moment, variant, log)
    else:
        fading[:] = -1.0
        encounter = approach(law, board, person, life, goodwill, shown, ledger, fading, moment, variant)
        respond(law, board, person, life, goodwill, shown, ledger, moment, encounter, log)


@entry_point
def step(
    law: Law,
    board: Board,
    population: Population,
    ledger: Any,
    fading: Any,
    variant: Any,
    log: Log,
    seed: int,
    user: int,
) -> float:
    """Put one person through their next session; the time of the one after it, in days. LOG_FULL if there is no room."""
    if is_full(log):
        return LOG_FULL
    person = population.people[user]
    itinerary = population.itineraries[user]
    moment = arrive(law, board, person, itinerary, seed, user)
    session(
        law, board, person, population.lives[user], population.goodwill[user], shown_to(population.shown, user), ledger,
        fading, moment, variant[0], log,
    )  # fmt: skip
    return itinerary.next_time  # type: ignore[no-any-return]  # a record's field


@entry_point
def advance(
    law: Law, board: Board, population: Population, ledger: Any, fading: Any, variant: Any, log: Log, seed: int,
    first: int, last: int, until: float,
) -> int:  # fmt: skip
    """Put the people first..last-1 through all sessions before `until` (days).

    Returns the person with whom to go on: `last` when all is done, an earlier one when the log is full.
    """
    for user in range(first, last):
        row = user - population.first
        itinerary = population.itineraries[row]
        if itinerary.next_time < until:
            person = population.people[row]
            life = population.lives[row]
            goodwill = population.goodwill[row]
            shown = shown_to(population.shown, row)
            while itinerary.next_time < until:
                if is_full(log):
                    return user
                moment = arrive(law, board, person, itinerary, seed, user)
                session(law, board, person, life, goodwill, shown, ledger, fading, moment, variant[0], log)
    return last
