"""The agents engine: every person is a SimPy process, in global order of time; easy to watch, to step through, to extend."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np
import simpy

from simulator.compiled import resolved
from simulator.engines.buffer import EventBuffer
from simulator.engines.kernels import LOG_FULL, step
from simulator.law.board import Board
from simulator.law.parameters import Law
from simulator.law.state import LEDGER, Population, record_array


class Agents:
    """A population of processes that call the law one session at a time."""

    def __init__(
        self, law: Law, board: Board, population: Population, variant: Any, seed: int, *,
        orders_only: bool = False, kernel: Callable[..., float] = step,
    ) -> None:  # fmt: skip
        self.law, self.board, self.population, self.variant, self.seed = law, board, population, variant, seed
        self.users = len(population.people)
        self.events = EventBuffer(max(4096, 16 * self.users), orders_only=orders_only)
        self._ledger = record_array(law.campaigns.shape[1], LEDGER)
        self.fading = np.empty(law.channels.shape[1])
        # Kept at hand: looking it up costs as much as a session itself.
        self.world = self._world()
        self.step = resolved(kernel, *self.world, 0)

    def start(self, environment: simpy.Environment) -> None:
        """Begin the process of everyone who has a session within the run."""
        for user in np.flatnonzero(self.population.itineraries["next_time"] < self.law.calendar.last_day):
            environment.process(self.life(environment, int(user)))

    def life(self, environment: simpy.Environment, user: int) -> Generator[simpy.Event, None, None]:
        """One person: wait for the next session, live it, and so on until the run ends."""
        time = float(self.population.itineraries[user].next_time)
        end = self.law.calendar.last_day
        step, timeout = self.step, environment.timeout
        while time < end:
            # Session times lie on a lattice, so this difference and the clock are exact.
            yield timeout(time - environment.now)
            time = step(*self.world, user)
            if time == LOG_FULL:
                self.events.grow()
                self.world = self._world()
                time = step(*self.world, user)

    def _world(self) -> tuple[Any, ...]:
        return (
            self.law, self.board, self.population, self._ledger, self.fading, self.variant, self.events.log, self.seed,
        )  # fmt: skip

    def run_tick(self, until: float) -> None:
        """Nothing to do: people live while the market waits for its next tick."""

    def follow(self, law: Law) -> None:
        """Live on by a law that has further epochs."""
        self.law = law
        self.world = self._world()

    def rows_after(self, done: list[int]) -> list[Any]:
        """The log's rows written after the first `done`, in no order of people; moves `done` on."""
        done.extend([0] * (1 - len(done)))
        rows = self.events.rows_after(done[0])
        done[0] += sum(map(len, rows))
        return rows

    def ledger(self) -> Any:
        """What each campaign has done so far, LEDGER (C,)."""
        return self._ledger.copy()

    def take_rows(self) -> Iterator[Any]:
        """The log's rows by person and in order of time; empties the buffer."""
        yield self.events.take(0, self.users)
