"""The event buffer of one block of people: rows as the law writes them, grown when full, sorted by person at the end."""

from typing import Any

import numpy as np

from simulator.compiled import entry_point
from simulator.law.log import ROW, Log
from simulator.law.state import record_array


class EventBuffer:
    """Room for the rows of one block; `log` is what compiled code writes to."""

    def __init__(self, capacity: int, world: int = 0, orders_only: bool = False) -> None:
        self.full: list[Any] = []
        self.capacity = capacity
        self.world = world
        self.orders_only = orders_only
        self.log = self._new_log()

    def grow(self) -> None:
        """Set the rows written so far aside and make room for more: for twice as many if none could be written."""
        written = int(self.log.cursor[0])
        if written == 0:
            self.capacity *= 2
        self.full.append(self.log.rows[:written])
        self.log = self._new_log()

    def discard(self) -> None:
        """Forget the rows written so far."""
        self.log.cursor[0] = 0

    def written(self) -> Any:
        """The rows written so far, in the order written; the buffer keeps them."""
        return np.concatenate([*self.full, self.log.rows[: self.log.cursor[0]]])

    def put_back(self, rows: Any) -> None:
        """Hold rows that were written before, and nothing else."""
        self.full = [rows]
        self.discard()

    def rows_after(self, done: int) -> list[Any]:
        """The rows written after the first `done`, in the order written, as views; the buffer keeps them."""
        found = []
        for rows in (*self.full, self.log.rows[: self.log.cursor[0]]):
            found += [rows[done:]] if done < len(rows) else []
            done = max(0, done - len(rows))
        return found

    def remember(self) -> tuple[int, Log, int]:
        """How far it is written."""
        return len(self.full), self.log, int(self.log.cursor[0])

    def go_back(self, mark: tuple[int, Log, int]) -> None:
        """Forget the rows written since it was remembered."""
        parts, self.log, written = mark
        del self.full[parts:]
        self.log.cursor[0] = written

    def take(self, first: int, last: int) -> Any:
        """All rows, by person first..last-1 and within a person in the order written; the buffer is empty afterwards."""
        self.full.append(self.log.rows[: self.log.cursor[0]])
        rows = self.full[0] if len(self.full) == 1 else np.concatenate(self.full)
        self.full = []
        self.log = Log(rows[:0], self.log.cursor * 0, self.world, self.orders_only)
        ordered = np.empty_like(rows).view(np.recarray)
        _sort_by_person(rows.view(np.recarray), ordered, np.zeros(last - first + 1, np.int64), first)
        return ordered

    def _new_log(self) -> Log:
        return Log(record_array(self.capacity, ROW), np.zeros(1, np.int64), self.world, self.orders_only)


@entry_point
def _sort_by_person(rows: Any, ordered: Any, place: Any, first: int) -> None:
    """Counting sort by person: stable, so each person's rows keep their order. `place` comes as zeros."""
    for i in range(rows.size):
        place[rows[i].user - first + 1] += 1
    for user in range(place.size - 1):
        place[user + 1] += place[user]
    for i in range(rows.size):
        user = rows[i].user - first
        ordered[place[user]] = rows[i]
        place[user] += 1
