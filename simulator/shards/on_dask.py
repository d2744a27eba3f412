"""Workers of a Dask cluster, here or on other machines: pinned shards as plain tasks, and everything else anywhere.

Dask does not restart an actor whose worker died, so shards are no actors: each round is a task for the worker that keeps its
shard, and another worker carries it out from the shard's checkpoint when that one has gone.
"""

import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cpalab.refusal import Problem
from simulator.shards.shard import forget
from simulator.shards.workers import MOST_DEATHS, Task, WorkerError
from simulator.storage import made_by

SECONDS_TO_COME_BACK = 120.0
SECONDS_BETWEEN_LOOKS = 1.0


class OnDask:
    """The workers of a cluster.

    Args:
        client: a `distributed.Client`.
    """

    def __init__(self, client: Any) -> None:
        self.client, self.address = client, client.scheduler.address
        self.homes: dict[int, str] = {}
        threads = self._alive()
        self.size, self.processes = sum(threads.values()), len(threads)

    def run(self, task: Task, items: Sequence[Any], *, homes: Sequence[int] | None = None) -> Iterator[Any]:
        """See `simulator.shards.workers.Workers`.

        Raises:
            WorkerError: workers have died over and over, or all of them for two minutes.
        """
        places = [None] * len(items) if homes is None else list(homes)
        alive = self._alive() if homes is not None and items else {}
        waiting = deque(self._submit(task, item, place, alive) for item, place in zip(items, places, strict=True))
        try:
            for item, place in zip(items, places, strict=True):
                deaths = 0
                while not self._is_done(*waiting[0]):
                    # Its worker has gone. Dask would wait for it to come back, and not take another that comes.
                    waiting[0][0].cancel()
                    deaths += 1
                    if deaths > MOST_DEATHS:
                        raise _killing(deaths)
                    waiting[0] = self._submit(task, item, place, {} if place is None else self._alive())
                result = self._result(waiting[0][0])
                waiting.popleft()  # it may go
                yield result
        finally:
            if waiting:
                with suppress(OSError):  # the cluster has gone
                    self.client.cancel([future for future, _ in waiting])

    def forget(self, run: str) -> None:
        """See `Workers`."""
        self.client.run(forget, run, on_error="ignore")

    def sees(self, folder: Path) -> Sequence[str]:
        """See `Workers`; those whose cpalab, Python or libraries have other versions neither."""
        told = self.client.run(_kept_from, str(folder), made_by(), on_error="return")
        return [f"{address} ({said})" for address, said in told.items() if said != ""]

    def _submit(self, task: Task, item: Any, place: int | None, alive: dict[str, int]) -> tuple[Any, str | None]:
        """The future of a task, and the only worker, of those alive, that may do it; None: any."""
        home = None if place is None else self._home(place, alive)
        return self.client.submit(task, item, pure=False, workers=None if home is None else [home]), home

    def _is_done(self, future: Any, home: str | None) -> bool:
        """Whether a task has ended, waiting for it; False when its worker has gone."""
        from distributed import wait

        while True:
            try:
                wait(future, timeout=SECONDS_BETWEEN_LOOKS)
                return True
            except TimeoutError:
                alive = self._alive()
                if home is not None and home not in alive:
                    return False

    def _result(self, future: Any) -> Any:
        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker as error:
            raise _killing(MOST_DEATHS + 1) from error
        except Exception as error:
            if future.status == "error":
                raise  # what the task itself said
            rule = f"cannot be reached any more ({type(error).__name__})"
            raise WorkerError([Problem("--cluster", rule, self.address)]) from error

    def _home(self, number: int, alive: dict[str, int]) -> str:
        """The worker that keeps a shard; another one when it is gone."""
        if self.homes.get(number) not in alive:
            kept = Counter(self.homes.values())
            self.homes[number] = min(alive, key=lambda address: (kept[address] / alive[address], address))
        return self.homes[number]

    def _alive(self) -> dict[str, int]:
        """The threads of every worker by its address."""
        end = time.monotonic() + SECONDS_TO_COME_BACK
        while True:
            threads: dict[str, int] = dict(self.client.nthreads())
            if threads:
                return threads
            if time.monotonic() > end:
                raise WorkerError([Problem("--cluster", "has no workers", self.address)])
            time.sleep(0.1)


def _killing(deaths: int) -> WorkerError:
    rule = f"has died {deaths} times over the same people"
    return WorkerError([Problem("--cluster", rule, "a worker", "give it more memory")])


def _kept_from(folder: str, versions: dict[str, Any]) -> str:
    """What keeps this worker from working in a folder, for a client of these versions; empty where nothing does."""
    here = made_by()
    if here != versions:
        return f"has {here}, not {versions}"
    return "" if Path(folder).is_dir() else "does not see this folder"
