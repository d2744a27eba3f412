"""Twin worlds: the same scenario and seed with one thing changed, all lived in one pass beside the factual world.

Market feedback is held: every world reads the board of the world that happened, and a changed budget scales its
campaign's published pacing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.engines.buffer import EventBuffer
from simulator.engines.cohort import BLOCK_USERS, Map
from simulator.law.board import Board
from simulator.law.parameters import Law, caps_of
from simulator.law.state import ITINERARY, LEDGER, LIFE, PERSON, Population, nothing_shown, people_of, record_array


@dataclass(frozen=True)
class Room:
    """Where one block lives: room for one person in every world, its orders, and what its campaigns did."""

    worlds: Population
    ledgers: Any
    alive: Any
    fading: Any
    events: EventBuffer
    totals: Any


@dataclass(frozen=True)
class Twins:
    """What happened in each world.

    Attributes:
        orders: ROW, sorted by person: conversions and what became of them. World 0 holds everyone's, a twin world
            those of the people who live apart there, from the session on in which they part.
        parted: int32 (users, worlds): the session in which a person's life there parts from the factual one; -1: never.
        ledgers: LEDGER (worlds, C): what campaigns did in world 0, and for twins the difference to it (of auctions entered
            only world 0 tells: a twin is not asked before it parts).
    """

    orders: Any
    parted: Any
    ledgers: Any


def live_twins(
    law: Law,
    board: Board,
    population: Population,
    variants: Any,
    seed: int,
    *,
    kernel: Callable[..., int],
    map_: Map = map,
    block_users: int = BLOCK_USERS,
    progress: Callable[[float], None] = lambda share: None,
) -> Twins:
    """Live everyone's life in the worlds described by `variants` (VARIANT (worlds,); world 0 unchanged).

    `population` is as before the first session, and is left so.
    """
    first, last = population.first, population.first + len(population.people)
    starts = range(first, last, block_users)

    def live(start: int) -> Twins:
        block = people_of(population, start, min(start + block_users, last))
        return live_block(law, board, block, variants, seed, kernel=kernel)

    parts = []
    for done, part in enumerate(map_(live, starts), start=1):
        parts.append(part)
        progress(done / len(starts))
    totals = record_array((len(variants), law.campaigns.shape[1]), LEDGER)
    for part in parts:
        for field in LEDGER.names or ():
            totals[field] += part.ledgers[field]
    orders, parted = ([getattr(part, name) for part in parts] for name in ("orders", "parted"))
    return Twins(np.concatenate(orders), np.concatenate(parted), totals)


def live_block(
    law: Law, board: Board, block: Population, variants: Any, seed: int, *,
    kernel: Callable[..., int], orders_only: bool = True,
) -> Twins:  # fmt: skip
    """Live the lives of these people alone; their rows of world 0 are everything that happened unless `orders_only`."""
    worlds, users = len(variants), len(block.people)
    parted = np.full((users, worlds), -1, np.int32)
    room = _room(law, worlds, users, orders_only)
    here, last = block.first, block.first + users
    while here < last:
        here = kernel(
            law, board, block, room.worlds, room.ledgers, room.alive, room.fading, variants, room.events.log,
            room.totals, parted, seed, here, last, law.calendar.last_day,
        )  # fmt: skip
        if here < last:
            room.events.grow()
    return Twins(room.events.take(block.first, last), parted, room.totals)


def _room(law: Law, worlds: int, users: int, orders_only: bool) -> Room:
    channels, campaigns = law.channels.shape[1], law.campaigns.shape[1]
    return Room(
        worlds=Population(
            people=record_array(0, PERSON),
            itineraries=record_array(1, ITINERARY),
            lives=record_array(worlds, LIFE),
            goodwill=np.zeros((worlds, channels)),
            shown=nothing_shown(worlds, campaigns, caps_of(law), law.creatives.shape[1]),
        ),
        ledgers=record_array((worlds + 1, campaigns), LEDGER),
        alive=np.zeros(worlds, np.bool_),
        fading=np.empty(channels),
        events=EventBuffer(max(8192, users * 2), orders_only=orders_only),
        totals=record_array((worlds, campaigns), LEDGER),
    )
