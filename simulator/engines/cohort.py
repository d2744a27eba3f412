"""The cohort engine: compiled blocks of people run to the next tick, on all cores."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy

from simulator.compiled import resolved
from simulator.engines.buffer import EventBuffer
from simulator.engines.kernels import advance
from simulator.law.board import Board
from simulator.law.parameters import Law
from simulator.law.state import LEDGER, Population, record_array

BLOCK_USERS = 16_384
FIRST_ROWS_PER_USER = 4

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Block:
    """People first..last-1, with their event buffer, ledger (C,) and room for fading factors (K,)."""

    first: int
    last: int
    events: EventBuffer
    ledger: Any
    fading: Any


class Cohort:
    """A population that advances block by block, each block a call of compiled code that releases the interpreter."""

    def __init__(
        self, law: Law, board: Board, population: Population, variant: Any, seed: int, *,
        map_: Map = map, block_users: int = BLOCK_USERS, orders_only: bool = False, kernel: Callable[..., int] = advance,
    ) -> None:  # fmt: skip
        self.law, self.board, self.population, self.variant, self.seed = law, board, population, variant, seed
        self.map = map_
        users = len(population.people)
        campaigns, channels = law.campaigns.shape[1], law.channels.shape[1]
        self.blocks = [
            Block(
                first,
                min(first + block_users, users),
                EventBuffer(max(1024, FIRST_ROWS_PER_USER * block_users), orders_only=orders_only),
                record_array(campaigns, LEDGER),
                np.empty(channels),
            )
            for first in range(0, users, block_users)
        ]
        self.advance = resolved(kernel, *self._arguments(self.blocks[0], 0, 0.0))

    def start(self, environment: simpy.Environment) -> None:
        """Nothing to set up: blocks run when their tick comes."""

    def run_tick(self, until: float) -> None:
        """Put everyone through all sessions before `until` (days)."""
        for _ in self.map(lambda block: self._run(block, until), self.blocks):
            pass

    def follow(self, law: Law) -> None:
        """Live on by a law that has further epochs."""
        self.law = law

    def rows_after(self, done: list[int]) -> list[Any]:
        """The log's rows written after the first `done` of each block, in no order of people; moves `done` on."""
        done.extend([0] * (len(self.blocks) - len(done)))
        found = []
        for place, block in enumerate(self.blocks):
            rows = block.events.rows_after(done[place])
            done[place] += sum(map(len, rows))
            found += rows
        return found

    def ledger(self) -> Any:
        """What each campaign has done so far, LEDGER (C,)."""
        total = record_array(self.law.campaigns.shape[1], LEDGER)
        for block in self.blocks:
            for field in LEDGER.names or ():
                total[field] += block.ledger[field]
        return total

    def take_rows(self) -> Iterator[Any]:
        """The log's rows, block by block, by person and in order of time; empties the blocks."""
        for block in self.blocks:
            yield block.events.take(block.first, block.last)

    def _run(self, block: Block, until: float) -> None:
        first = block.first
        while True:
            first = self.advance(*self._arguments(block, first, until))
            if first == block.last:
                return
            block.events.grow()

    def _arguments(self, block: Block, first: int, until: float) -> tuple[Any, ...]:
        return (
            self.law, self.board, self.population, block.ledger, block.fading, self.variant, block.events.log, self.seed,
            first, block.last, until,
        )  # fmt: skip
