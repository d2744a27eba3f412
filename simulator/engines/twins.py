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
from simulator.law.state import ITINERARY, LEDGER, LIFE, PERSON, Population, nothing_shown, record_array


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
    worlds, users = len(variants), len(population.people)
    parted = np.full((users, worlds), -1, np.int32)

    def live_block(first: int) -> tuple[Any, Any]:
        last = min(first + block_users, users)
        room = _room(law, worlds, last - first)
        here = first
        while here < last:
            here = kernel(
                law, board, population, room.worlds, room.ledgers, room.alive, room.fading, variants, room.events.log,
                room.totals, parted, seed, here, last, law.calendar.last_day,
            )  # fmt: skip
            if here < last:
                room.events.grow()
        return room.events.take(first, last), room.totals

    orders, totals = [], record_array((worlds, law.campaigns.shape[1]), LEDGER)
    starts = range(0, users, block_users)
    for done, (block_orders, block_totals) in enumerate(map_(live_block, starts), start=1):
        orders.append(block_orders)
        for field in LEDGER.names or ():
            totals[field] += block_totals[field]
        progress(done / len(starts))
    return Twins(np.concatenate(orders), parted, totals)


def _room(law: Law, worlds: int, users: int) -> Room:
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
        events=EventBuffer(max(8192, users * 2), orders_only=True),
        totals=record_array((worlds, campaigns), LEDGER),
    )
