"""Checkpoints of a running market: its ledgers tick by tick, and now and then everyone's state (files, or in memory).

Only ledgers come out of people, so a market that hears the same ledgers publishes the same board, whatever processes run in
it. A killed one is played again up to its last checkpoint in no time, with nobody living, and goes on from there. Likewise
markets that differ only in the reported window share one warm-up.

FOLDER/state-TICK.bin    everyone's state before that tick, block by block
FOLDER/market-TICK.npz   the ledgers of all ticks before it, of each block, and the rows it keeps; written last
"""

import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import simpy

from cpalab.whole_output import durable
from simulator.engines.cohort import Cohort, state_arrays
from simulator.law.log import ROW
from simulator.law.parameters import Law
from simulator.law.state import LEDGER, record_array

SECONDS_BETWEEN = 60.0
AT_THE_END = "end"


class WarmUp:
    """The warm-up that worlds share which differ only in the reported window: lived by the first of them.

    Args:
        folder: where everyone's state at its end is kept; None: in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.history: list[Any] = []
        self.ledgers: list[Any] = []
        self.state = b""
        if folder is not None and (folder / "warm-up.npz").is_file():
            with np.load(folder / "warm-up.npz", allow_pickle=False) as stored:
                self.history = [as_ledger(row) for row in stored["history"]]
                self.ledgers = list(stored["blocks"])

    def keep(self, history: Sequence[Any], people: Cohort) -> None:
        """Keep what has happened up to the first reported tick."""
        self.history = list(history)
        self.ledgers = [block.ledger.copy() for block in people.blocks]
        if self.folder is None:
            with io.BytesIO() as memory:
                write_state(memory, people)
                self.state = memory.getvalue()
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with durable(self.folder / "warm-up.bin") as path, path.open("wb") as file:
            write_state(file, people)
        with durable(self.folder / "warm-up.npz") as path, path.open("wb") as file:
            np.savez(file, history=np.stack(self.history), blocks=np.stack(self.ledgers))

    def put_into(self, people: Cohort) -> None:
        """Put everyone where the warm-up left them."""
        for block, ledger in zip(people.blocks, self.ledgers, strict=True):
            block.ledger[:] = ledger
        with io.BytesIO(self.state) if self.folder is None else (self.folder / "warm-up.bin").open("rb") as file:
            read_state(file, people)


class ResumableCohort:
    """A cohort whose market can be resumed: an engine like any other.

    Args:
        people: who live.
        folder: where checkpoints are, and go to; None: nowhere.
        seconds: how much time must pass between two.
        warm_up: shared with other worlds.
        first_tick: the first that is reported.
    """

    def __init__(
        self, people: Cohort, folder: Path | None, seconds: float = SECONDS_BETWEEN, *,
        warm_up: WarmUp | None = None, first_tick: int = 0,
    ) -> None:  # fmt: skip
        self.people, self.folder, self.seconds = people, folder, seconds
        self.warm_up, self.first_tick = warm_up, first_tick
        self.history: list[Any] = [people.ledger()]
        self.tick = 0
        self.lived_until = 0 if folder is None else self._restore(folder)
        if warm_up is not None and warm_up.history and self.lived_until < first_tick:
            warm_up.put_into(people)
            self.history = list(warm_up.history)
            self.lived_until = first_tick
        self.saved_at = time.monotonic()

    def start(self, environment: simpy.Environment) -> None:
        """Set up processes before time begins."""
        self.people.start(environment)

    def run_tick(self, until: float) -> None:
        """Live up to `until` (days), or remember what was done until then."""
        starts = self.people.board.starts
        if self.tick == len(starts) - 1:
            return
        if until != starts[self.tick + 1]:
            if self.tick >= self.lived_until:
                self.people.run_tick(until)  # a moment within a tick: nothing is reported yet
            return
        self.tick += 1
        if self.tick <= self.lived_until:
            return
        self.people.run_tick(until)
        self.history.append(self.people.ledger())
        if self.tick == self.first_tick and self.warm_up is not None:
            self.warm_up.keep(self.history, self.people)
        if self.folder is not None and time.monotonic() - self.saved_at >= self.seconds:
            self._save(self.folder, with_state=True)
            self.saved_at = time.monotonic()

    def follow(self, law: Law) -> None:
        """Live on by a law that has further epochs."""
        self.people.follow(law)

    def ledger(self) -> Any:
        """What each campaign has done so far, LEDGER (C,)."""
        return self.history[self.tick].copy()

    def close(self) -> None:
        """Keep the ledgers of the whole run: the market need never live again."""
        if self.folder is not None and not (self.folder / f"market-{AT_THE_END}.npz").is_file():
            self._save(self.folder, with_state=False)

    def _save(self, folder: Path, *, with_state: bool) -> None:
        """A checkpoint; the ones before it go when it is there."""
        name = f"{self.tick:06d}" if with_state else AT_THE_END
        state, market = folder / f"state-{name}.bin", folder / f"market-{name}.npz"
        older = {path for kind in ("state-*", "market-*") for path in folder.glob(kind)} - {state, market}
        if with_state:
            with durable(state) as path, path.open("wb") as file:
                write_state(file, self.people)
        blocks = self.people.blocks
        save_market(
            market, self.history, [block.ledger for block in blocks], [block.events.written() for block in blocks]
        )
        for path in older:
            path.unlink(missing_ok=True)  # a half one took the name of this one

    def _restore(self, folder: Path) -> int:
        """Take up the last checkpoint, if there is one; the number of ticks that were lived before it."""
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted(folder.glob("market-*.npz"))
        if not found:
            return 0
        with np.load(found[-1], allow_pickle=False) as stored:
            history, ledgers = stored["history"], stored["blocks"]
            rows = np.split(stored["rows"].view(ROW), np.cumsum(stored["rows_of_blocks"])[:-1])
        self.history = [as_ledger(row) for row in history]
        for block, ledger, own in zip(self.people.blocks, ledgers, rows, strict=True):
            block.ledger[:] = ledger
            block.events.put_back(own)
        name = found[-1].stem.removeprefix("market-")
        if name != AT_THE_END:
            with (folder / f"state-{name}.bin").open("rb") as file:
                read_state(file, self.people)
        return len(self.history) - 1


def save_market(path: Path, history: Sequence[Any], ledgers: Sequence[Any], rows: Sequence[Any]) -> None:
    """Keep the ledgers of all ticks, and of each block its ledger and its rows."""
    with durable(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            history=np.stack(history),
            blocks=np.array(ledgers),
            rows=np.concatenate([np.empty(0, ROW), *rows]).view(np.uint8),
            rows_of_blocks=np.array([len(own) for own in rows]),
        )


def write_state(file: BinaryIO, people: Cohort) -> None:
    """Write everyone's state, block by block."""
    for block in people.blocks:
        for array in state_arrays(block.people):
            file.write(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
        if people.forget is not None:
            people.forget(block.first, block.last)


def read_state(file: BinaryIO, people: Cohort) -> None:
    """Put everyone where `write_state` found them."""
    for block in people.blocks:
        for array in state_arrays(block.people):
            array[...] = np.frombuffer(file.read(array.nbytes), array.dtype).reshape(array.shape)
        if people.forget is not None:
            people.forget(block.first, block.last)


def as_ledger(row: Any) -> Any:
    """A row of a stored history as LEDGER (C,), whose fields read as attributes."""
    ledger = record_array(len(row), LEDGER)
    ledger[:] = row
    return ledger
