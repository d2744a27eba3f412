"""The cohort engine: compiled blocks of people run to the next tick, on all cores."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import simpy

from simulator.compiled import resolved
from simulator.engines.buffer import EventBuffer
from simulator.engines.kernels import advance
from simulator.law.board import Board
from simulator.law.parameters import Law
from simulator.law.state import LEDGER, Population, people_of, record_array

BLOCK_USERS = 16_384
FIRST_ROWS_PER_USER = 4
FEW_ROWS = 1024

Kept = Literal["events", "orders", "nothing"]

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Block:
    """People first..last-1, with their event buffer, ledger (C,) and room for fading factors (K,)."""

    first: int
    last: int
    people: Population
    events: EventBuffer
    ledger: Any
    fading: Any


def state_arrays(population: Population) -> tuple[Any, ...]:
    """The arrays in which a population's lives go on; `people` stay who they are."""
    return (population.itineraries, population.lives, population.goodwill, *population.shown)


class Cohort:
    """A population that advances block by block, each block a call of compiled code that releases the interpreter.

    Args:
        kept: which rows of the log the blocks hold until they are taken; ledgers are kept in any case.
        forget: told when a block's people have come to the next tick: their memory may be given back until then.
    """

    def __init__(
        self, law: Law, board: Board, population: Population, variant: Any, seed: int, *,
        map_: Map = map, block_users: int = BLOCK_USERS, kept: Kept = "events",
        kernel: Callable[..., int] = advance, forget: Callable[[int, int], None] | None = None,
    ) -> None:  # fmt: skip
        self.law, self.board, self.population, self.variant, self.seed = law, board, population, variant, seed
        self.map, self.kept, self.forget = map_, kept, forget
        users = len(population.people)
        campaigns, channels = law.campaigns.shape[1], law.channels.shape[1]
        rows = max(FEW_ROWS, FIRST_ROWS_PER_USER * block_users) if kept == "events" else FEW_ROWS
        starts = range(population.first, population.first + users, block_users)
        ends = [*starts[1:], population.first + users]
        self.blocks = [
            Block(
                first,
                last,
                people_of(population, first, last),
                EventBuffer(rows, orders_only=kept != "events"),
                record_array(campaigns, LEDGER),
                np.empty(channels),
            )
            for first, last in zip(starts, ends, strict=True)
        ]
        self.advance = resolved(kernel, *self._arguments(self.blocks[0], self.blocks[0].first, 0.0))

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

    def remember(self) -> Any:
        """The state of everyone at this moment, to go back to."""
        return [array.copy() for array in self._state()], [block.events.remember() for block in self.blocks]

    def go_back(self, moment: Any) -> None:
        """Let nothing have happened since a moment that was remembered."""
        for array, then in zip(self._state(), moment[0], strict=True):
            array[...] = then
        for block, mark in zip(self.blocks, moment[1], strict=True):
            block.events.go_back(mark)

    def _state(self) -> tuple[Any, ...]:
        return (*state_arrays(self.population), *(block.ledger for block in self.blocks))

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
            if self.kept == "nothing":
                block.events.discard()
            if first == block.last:
                break
            if self.kept != "nothing":
                block.events.grow()
        if self.forget is not None:
            self.forget(block.first, block.last)

    def _arguments(self, block: Block, first: int, until: float) -> tuple[Any, ...]:
        return (
            self.law, self.board, block.people, block.ledger, block.fading, self.variant, block.events.log, self.seed,
            first, block.last, until,
        )  # fmt: skip
