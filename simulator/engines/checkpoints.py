"""Checkpoints of a running market: its ledgers tick by tick, and now and then everyone's state (one folder).

Only ledgers come out of people, so a market that hears the same ledgers publishes the same board, whatever processes run in
it. A killed one is played again up to its last checkpoint in no time, with nobody living, and goes on from there.

FOLDER/state-TICK.bin    everyone's state before that tick, block by block
FOLDER/market-TICK.npz   the ledgers of all ticks before it, of each block, and the rows it keeps; written last
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import simpy

from cpalab.whole_output import durable
from simulator.engines.cohort import Block, Cohort
from simulator.engines.mapped_people import state_arrays
from simulator.law.log import ROW
from simulator.law.state import LEDGER, record_array

SECONDS_BETWEEN = 60.0
AT_THE_END = "end"


class ResumableCohort:
    """A cohort whose market can be resumed: an engine like any other.

    Args:
        people: who live.
        folder: where checkpoints are, and go to.
        seconds: how much time must pass between two.
    """

    def __init__(self, people: Cohort, folder: Path, seconds: float = SECONDS_BETWEEN) -> None:
        self.people, self.folder, self.seconds = people, folder, seconds
        folder.mkdir(exist_ok=True)
        self.history: list[Any] = [people.ledger()]
        self.tick = 0
        self.lived_until = self._restore()
        self.saved_at = time.monotonic()

    def start(self, environment: simpy.Environment) -> None:
        """Set up processes before time begins."""
        self.people.start(environment)

    def run_tick(self, until: float) -> None:
        """Live up to `until` (days), or remember what was done until then."""
        self.tick += 1
        if self.tick <= self.lived_until:
            return
        self.people.run_tick(until)
        self.history.append(self.people.ledger())
        if time.monotonic() - self.saved_at >= self.seconds:
            self._save(with_state=True)
            self.saved_at = time.monotonic()

    def ledger(self) -> Any:
        """What each campaign has done so far, LEDGER (C,)."""
        return self.history[self.tick].copy()

    def close(self) -> None:
        """Keep the ledgers of the whole run: the market need never live again."""
        if not (self.folder / f"market-{AT_THE_END}.npz").is_file():
            self._save(with_state=False)

    def _save(self, *, with_state: bool) -> None:
        """A checkpoint; the ones before it go when it is there."""
        name = f"{self.tick:06d}" if with_state else AT_THE_END
        older = [path for path in self.folder.iterdir() if path.suffix in (".bin", ".npz")]
        if with_state:
            with durable(self.folder / f"state-{name}.bin") as path, path.open("wb") as file:
                for block in self.people.blocks:
                    for array in state_arrays(block.people):
                        file.write(np.ascontiguousarray(array).data)
                    self._forget(block)
        with durable(self.folder / f"market-{name}.npz") as path, path.open("wb") as file:
            blocks = np.stack([block.ledger for block in self.people.blocks])
            rows = [block.events.written() for block in self.people.blocks]
            np.savez(
                file,
                history=np.stack(self.history),
                blocks=blocks,
                rows=np.concatenate(rows).view(np.uint8),
                rows_of_blocks=np.array([len(own) for own in rows]),
            )
        for path in older:
            path.unlink()

    def _restore(self) -> int:
        """Take up the last checkpoint, if there is one; the number of ticks that were lived before it."""
        found = sorted(self.folder.glob("market-*.npz"))
        if not found:
            return 0
        with np.load(found[-1], allow_pickle=False) as stored:
            history, ledgers = stored["history"], stored["blocks"]
            rows = np.split(stored["rows"].view(ROW), np.cumsum(stored["rows_of_blocks"])[:-1])
        self.history = [_as_ledger(row) for row in history]
        for block, ledger, own in zip(self.people.blocks, ledgers, rows, strict=True):
            block.ledger[:] = ledger
            block.events.put_back(own)
        name = found[-1].stem.removeprefix("market-")
        if name != AT_THE_END:
            _read_state(self.folder / f"state-{name}.bin", self.people.blocks, self._forget)
        return len(self.history) - 1

    def _forget(self, block: Block) -> None:
        if self.people.forget is not None:
            self.people.forget(block.first, block.last)


def _read_state(path: Path, blocks: Sequence[Block], forget: Any) -> None:
    with path.open("rb") as file:
        for block in blocks:
            for array in state_arrays(block.people):
                array[...] = np.frombuffer(file.read(array.nbytes), array.dtype).reshape(array.shape)
            forget(block)


def _as_ledger(row: Any) -> Any:
    ledger = record_array(len(row), LEDGER)
    ledger[:] = row
    return ledger
