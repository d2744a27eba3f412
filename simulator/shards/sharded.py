"""People in shards, as an engine like any other: rounds of several ticks while no budget binds (ticks, LEDGER).

The board of the ticks to come is known as long as nothing that people do changes it, and only pacing listens to them. So a
round lives on a forecast, in which no budget binds; where the market publishes otherwise, the shards go back and the round is
lived again up to that tick. What is found is what tick by tick would have found.

FOLDER/rounds.npz       the ledgers of all ticks lived so far, of everyone
FOLDER/market-end.npz   those of the whole run, and the rows kept: as `simulator.engines.checkpoints` writes it
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import simpy

from simulator.engines.checkpoints import AT_THE_END, SECONDS_BETWEEN, as_ledger, save_market
from simulator.engines.cohort import BLOCK_USERS, Kept
from simulator.law.board import Board
from simulator.law.log import ROW
from simulator.law.parameters import Law
from simulator.law.state import LEDGER, Population, record_array
from simulator.scenario.schema import Scenario
from simulator.shards.shard import PUBLISHED, Answer, Order, advance, published, recipes
from simulator.shards.workers import Workers

DAYS_AT_ONCE = 8.0  # of which a wrong forecast may have to be lived again
FIRST_TICKS_AT_ONCE = 2


class Sharded:
    """A population spread over workers.

    Args:
        scenario, variant, kept: as `simulator.playing.play` takes them.
        board: the market's.
        people: how many.
        workers: where they are kept.
        ahead: a copy of the market's board on which so many further ticks are published as if no budget bound.
        folder: for checkpoints, on storage that all workers see.
        campaigns: how many.
        seconds: how much time must pass between two checkpoints.
        mapped: whether workers keep people's state in files there.
        warm_up: folder for the warm-up that worlds share which differ in the reported window alone.

    Attributes:
        rounds: how many there have been.
    """

    def __init__(
        self, scenario: Scenario, variant: Any, board: Board, people: int, workers: Workers, folder: Path, *,
        campaigns: int, kept: Kept, ahead: Callable[[int], Board], seconds: float = SECONDS_BETWEEN,
        mapped: bool = False, warm_up: Path | None = None,
    ) -> None:  # fmt: skip
        self.board, self.people, self.workers, self.ahead = board, people, workers, ahead
        self.folder, self.warm_up = folder.resolve(), None if warm_up is None else warm_up.resolve()
        self.run = secrets.token_hex(8)
        places = [place for place in (self.folder, self.warm_up) if place is not None]
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
        self.shards = recipes(self.run, scenario, variant, people, workers.size, kept, tuple(places), mapped)
        self.history: list[Any] = [record_array(campaigns, LEDGER)]
        self.rows = np.empty(0, ROW)
        self.tick = self.begin = self.rounds = 0
        self.at_once, self.most = FIRST_TICKS_AT_ONCE, max(1, round(DAYS_AT_ONCE * board.ticks_per_day))
        self.forecast = board
        self.waiting: list[Any] = []  # ledgers of ticks that were lived on the forecast
        self.seconds, self.saved_at = seconds, time.monotonic()
        self._restore()

    def start(self, environment: simpy.Environment) -> None:
        """Nothing to set up: shards live when their round comes."""

    def run_tick(self, until: float) -> None:
        """Live up to `until` (days), the end of a tick, or remember what was lived until then."""
        if self.tick == len(self.board.starts) - 1:
            return
        if until != self.board.starts[self.tick + 1]:
            raise AssertionError("people in shards live whole ticks")  # only processes look into one
        tick, self.tick = self.tick, self.tick + 1
        if self.tick < len(self.history):
            return
        if self.waiting and not self._as_forecast(tick):
            self.waiting, self.at_once = [], 1
        if not self.waiting:
            self._round(tick)
        self.history.append(self.waiting.pop(0))
        if not self.waiting:
            self.begin = self.tick

    def follow(self, law: Law) -> None:  # noqa: ARG002 - as engines have it
        """Not asked: the law changes while a market runs only where processes act, and they act among people in memory."""
        raise AssertionError("people in shards live by the law of their scenario")

    def ledger(self) -> Any:
        """What each campaign has done so far, LEDGER (C,)."""
        return self.history[self.tick].copy()

    @property
    def population(self) -> Population:
        """Not asked: people are with their workers."""
        raise AssertionError("people in shards are with their workers")

    def rows_after(self, done: list[int]) -> list[Any]:  # noqa: ARG002 - as cohorts have it
        """Not asked: only processes read the record while it grows."""
        raise AssertionError("people in shards keep their rows to themselves")

    def take_rows(self) -> Iterator[Any]:
        """The log's rows, by person and in order of time; once."""
        rows, self.rows = self.rows, np.empty(0, ROW)
        yield rows

    def close(self) -> None:
        """Let the workers forget their shards, and keep the ledgers of the whole run: the market need never live again."""
        self.workers.forget(self.run)
        if (self.folder / f"market-{AT_THE_END}.npz").is_file():
            return
        starts = range(0, self.people, BLOCK_USERS)
        blocks = [record_array(len(self.history[0]), LEDGER) for _ in starts]
        blocks[0][:] = self.history[-1]
        rows = np.split(self.rows, np.searchsorted(self.rows["user"], starts[1:]))
        save_market(self.folder / f"market-{AT_THE_END}.npz", self.history, blocks, rows)
        for path in (self.folder / "rounds.npz", *self.folder.glob("shard-*.bin")):
            path.unlink(missing_ok=True)

    def _round(self, tick: int) -> None:
        """Live from `tick` on, as far as the forecast may be trusted."""
        share = self.board.throttle[tick]
        if ((share > 0.0) & (share < 1.0)).any():
            self.at_once = 1  # a budget binds: what is spent in this tick decides about the next
        first = self.board.first_tick
        until = min(tick + self.at_once, first if tick < first else len(self.board.starts) - 1)
        self.at_once = min(2 * self.at_once, self.most)
        self.forecast = self.board if until == tick + 1 else self.ahead(until - tick - 1)
        save_market(self.folder / "rounds.npz", self.history, [], [])
        save = self.folder if time.monotonic() - self.saved_at >= self.seconds else None
        self.saved_at = self.saved_at if save is None else time.monotonic()
        if tick == first and self.warm_up is not None:
            save = self.warm_up
        answers = self._answers(tick, until, save)
        total = np.zeros_like(answers[0].ledgers)
        for answer in answers:
            for field in LEDGER.names or ():
                total[field] += answer.ledgers[field]
        self.waiting, self.begin = [as_ledger(row) for row in total], tick
        if answers[0].rows is not None:
            self.rows = np.concatenate([answer.rows for answer in answers])
        if save is not None and save == self.warm_up:
            save_market(save / "rounds.npz", self.history, [], [])
        self.rounds += 1

    def _answers(self, tick: int, until: int, save: Path | None) -> Sequence[Answer]:
        """What all shards say; those that are nowhere are told everything from their birth on."""
        answers = self._told(range(len(self.shards)), self.begin, tick, until, save)
        if lost := [number for number, answer in enumerate(answers) if answer is None]:
            for number, answer in zip(lost, self._told(lost, 0, tick, until, save), strict=True):
                answers[number] = answer
        return answers

    def _told(self, numbers: Sequence[int], begin: int, sure: int, until: int, save: Path | None) -> list[Any]:
        """What these shards say when they are told the board from `begin` on; None of one that is nowhere."""
        rows = published(self.forecast, begin, until)
        orders = [Order(self.shards[number], begin, sure, until, rows, save) for number in numbers]
        return list(self.workers.run(advance, orders, homes=numbers))

    def _as_forecast(self, tick: int) -> bool:
        """Whether the market has published for this tick what the shards have lived on."""
        return all(
            getattr(self.board, name)[tick].tobytes() == getattr(self.forecast, name)[tick].tobytes()
            for name in PUBLISHED
        )

    def _restore(self) -> None:
        """Take up the ledgers that are known; the shards come after when they are asked."""
        known = [self.folder / f"market-{AT_THE_END}.npz", self.folder / "rounds.npz"]
        known += [] if self.warm_up is None else [self.warm_up / "rounds.npz"]
        for path in known:
            if path.is_file():
                with np.load(path, allow_pickle=False) as stored:
                    if len(stored["history"]) > len(self.history):
                        self.history = [as_ledger(row) for row in stored["history"]]
                        self.rows = stored["rows"].view(ROW)
