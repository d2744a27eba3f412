"""The event log of a world: a table in memory, or files that are read piece by piece (rows, sorted by person)."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.events import EVENT_SCHEMA

__all__ = ["Events", "StoredEvents", "codes", "gathered_events", "is_kind", "people_in", "pieces", "rows_in"]


class StoredEvents:
    """A log in Parquet files, each of some people and in their order.

    Args:
        parts: the files; or what makes them when they are first needed, and what must be held as long as they are.
    """

    def __init__(self, parts: tuple[Path, ...] | Callable[[], tuple[tuple[Path, ...], Any]]) -> None:
        self.source = parts

    @cached_property
    def parts(self) -> tuple[Path, ...]:
        """The files."""
        if isinstance(self.source, tuple):
            return self.source
        made, self.held = self.source()
        return made

    @cached_property
    def num_rows(self) -> int:
        """How many rows all files have."""
        return sum(pq.read_metadata(part).num_rows for part in self.parts)

    def load(self) -> None:
        """Read the whole log now: every question finds it in memory."""
        _ = self.table

    @cached_property
    def table(self) -> pa.Table:
        """The whole log, in memory from then on."""
        tables = [pq.read_table(part) for part in self.parts]
        return pa.concat_tables(tables).unify_dictionaries() if tables else EVENT_SCHEMA.empty_table()

    def pieces(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The log in its order, at most a row group of it at a time; as it is where all of it is in memory."""
        if "table" in vars(self):
            yield self.table if columns is None else self.table.select(list(columns))
            return
        for part in self.parts:
            with pq.ParquetFile(part) as file:
                for group in range(file.num_row_groups):
                    yield file.read_row_group(group, columns=None if columns is None else list(columns))

    @cached_property
    def _people_in_groups(self) -> list[tuple[Path, list[tuple[int, float, float]]]]:
        """Of every file the row groups, each with its lowest and highest person; of all, where it does not say."""
        found = []
        for part in self.parts:
            known = pq.read_metadata(part)
            place = known.schema.names.index("user_id")
            told = [known.row_group(group).column(place).statistics for group in range(known.num_row_groups)]
            found.append((part, [(g, -np.inf, np.inf) if s is None else (g, s.min, s.max) for g, s in enumerate(told)]))
        return found

    def of_people(self, first: int, last: int) -> pa.Table:
        """The rows of people first..last-1; only the row groups that hold them are read."""
        if "table" in vars(self):
            return _slice(self.table, first, last)
        found = []
        for part, groups in self._people_in_groups:
            if wanted := [group for group, lowest, highest in groups if lowest < last and highest >= first]:
                with pq.ParquetFile(part) as file:
                    found += [_slice(file.read_row_group(group), first, last) for group in wanted]
        return pa.concat_tables(found).unify_dictionaries() if found else EVENT_SCHEMA.empty_table()


class Events:
    """The attribute `events` of a world: the table it holds, or its files read whole when somebody asks for all of them."""

    def __get__(self, world: Any, owner: Any = None) -> Any:
        """The log as a table."""
        if world is None:
            return self
        kept = vars(world)["events"]
        return kept.table if isinstance(kept, StoredEvents) else kept

    def __set__(self, world: Any, events: pa.Table | StoredEvents) -> None:
        """Keep a table, or files."""
        vars(world)["events"] = events


def pieces(world: Any, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The log of a world in its order: whole where it is in memory, else a piece of its files at a time.

    Args:
        world: anything with `events`; or a log itself.
        columns: which of them; None: all.
    """
    kept = _kept(world)
    if isinstance(kept, StoredEvents):
        yield from kept.pieces(columns)
    else:
        yield kept if columns is None else kept.select(list(columns))


def gathered_events(world: Any, chosen: Callable[[pa.Table], Any], columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a world's log for which `chosen`, a mask of a piece of it, is true."""
    found = [piece.filter(chosen(piece)) for piece in pieces(world, columns)]
    if len(found) == 1:
        return found[0]
    if not found:
        return EVENT_SCHEMA.empty_table() if columns is None else EVENT_SCHEMA.empty_table().select(list(columns))
    return pa.concat_tables(found).unify_dictionaries()


def people_in(world: Any, first: int, last: int) -> pa.Table:
    """The rows of people first..last-1 of a world's log."""
    kept = _kept(world)
    return kept.of_people(first, last) if isinstance(kept, StoredEvents) else _slice(kept, first, last)


def rows_in(world: Any) -> int:
    """How many rows a world's log has."""
    return cast(int, _kept(world).num_rows)


def is_kind(events: pa.Table, *kinds: str) -> pa.Array:
    """Which rows of a log are of these kinds."""
    return pa.array(codes(events["kind"], kinds) >= 0)


def codes(column: Any, words: Sequence[str]) -> npt.NDArray[np.int16]:
    """A column of words as positions in `words`, -1 for none."""
    place = {word: position for position, word in reversed(list(enumerate(words)))}
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = []
    for chunk in chunks:
        known = np.array([place.get(word, -1) for word in chunk.dictionary.to_pylist()] + [-1], np.int16)
        parts.append(known[chunk.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)])
    return np.concatenate(parts) if parts else np.empty(0, np.int16)


def _kept(world: Any) -> pa.Table | StoredEvents:
    if isinstance(world, pa.Table):
        return world
    kept = getattr(world, "__dict__", {}).get("events")
    return world.events if kept is None else kept


def _slice(events: pa.Table, first: int, last: int) -> pa.Table:
    users = events["user_id"].to_numpy()
    start, stop = np.searchsorted(users, [first, last])
    return events.slice(start, stop - start)
