"""Workers: where tasks run and shards are kept: threads of this process, or processes of this machine.

A task is a function of one item that can be carried out again, anywhere, with the same result. So a worker that dies loses
nothing but time.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, Protocol

from cpalab.refusal import Problem
from cpalab.whole_output import Halted
from simulator.shards.shard import forget

MOST_DEATHS = 3  # of workers over one task, before it is taken for the cause
Task = Callable[[Any], Any]


class WorkerError(Halted):
    """Workers that cannot do what is asked of them."""


class Workers(Protocol):
    """Where tasks run.

    Attributes:
        size: how many run at once.
        processes: over how many processes they are spread.
    """

    size: int
    processes: int

    def run(self, task: Task, items: Sequence[Any], *, homes: Sequence[int] | None = None) -> Iterator[Any]:
        """What the task makes of each item, in their order.

        Args:
            task: a function that every worker can import.
            items: what it is given, one after the other.
            homes: a number for each item: those of one number run where the others before them ran, as long as that worker
                lives; None: wherever there is room.
        """

    def forget(self, run: str) -> None:
        """Let go of the shards of a market that has ended."""

    def sees(self, folder: Path) -> Sequence[str]:
        """The workers that do not see a folder of this process, by name."""


class Threads:
    """Threads of this process; shards are kept here."""

    def __init__(self, size: int) -> None:
        self.size, self.processes = size, 1

    def run(
        self,
        task: Task,
        items: Sequence[Any],
        *,
        homes: Sequence[int] | None = None,  # noqa: ARG002 - all are here
    ) -> Iterator[Any]:
        """See `Workers`."""
        with ThreadPoolExecutor(self.size) as pool:
            yield from pool.map(task, items)

    def forget(self, run: str) -> None:
        """See `Workers`."""
        forget(run)

    def sees(self, folder: Path) -> Sequence[str]:  # noqa: ARG002 - as `Workers` has it
        """See `Workers`: all do."""
        return ()


class Processes:
    """Processes of this machine, one task at a time each; one that dies is replaced."""

    def __init__(self, size: int) -> None:
        self.size = self.processes = size
        self.pools: list[ProcessPoolExecutor | None] = [None] * size

    def run(self, task: Task, items: Sequence[Any], *, homes: Sequence[int] | None = None) -> Iterator[Any]:
        """See `Workers`.

        Raises:
            WorkerError: its process has died over and over.
        """
        places = [home % self.size for home in (range(len(items)) if homes is None else homes)]
        waiting = [self._submit(place, task, item) for place, item in zip(places, items, strict=True)]
        try:
            for number, (place, item) in enumerate(zip(places, items, strict=True)):
                for death in range(MOST_DEATHS + 1):
                    pool, future = waiting[number]
                    try:
                        result = future.result()
                        break
                    except BrokenProcessPool:
                        if self.pools[place] is pool:
                            self._end(place)
                        if death == MOST_DEATHS:
                            rule = f"has died {death + 1} times over the same people"
                            raise WorkerError(
                                [Problem("--cluster", rule, "a process", "give it more memory")]
                            ) from None
                        waiting[number] = self._submit(place, task, item)
                yield result
        finally:
            for _, future in waiting:
                future.cancel()

    def forget(self, run: str) -> None:
        """See `Workers`."""
        for place, pool in enumerate(self.pools):
            if pool is not None:
                with suppress(BrokenProcessPool):
                    self._submit(place, forget, run)[1].result()

    def sees(self, folder: Path) -> Sequence[str]:  # noqa: ARG002 - as `Workers` has it
        """See `Workers`: all do."""
        return ()

    def close(self) -> None:
        """End the processes."""
        for place in range(self.size):
            self._end(place)

    def _submit(self, place: int, task: Task, item: Any) -> tuple[ProcessPoolExecutor, "Future[Any]"]:
        for _ in range(MOST_DEATHS):
            pool = self.pools[place]
            if pool is None:
                # Spawned, not forked: this process has threads. A pool each, so that a shard has a process of its own.
                pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin)
                self.pools[place] = pool
            try:
                return pool, pool.submit(task, item)
            except BrokenProcessPool:
                self._end(place)
        raise WorkerError([Problem("--cluster", "cannot be started", "a process")])

    def _end(self, place: int) -> None:
        pool, self.pools[place] = self.pools[place], None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    """Leave signals of the terminal to the parent, and end when it has ended, however it did."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
