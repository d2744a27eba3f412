"""The lives: on a finished board each block of people is a function of scenario, board and block (events, orders).

People meet only on the board, so once the market has run, blocks share nothing: they are lived in any order, on any number of
threads, one partition of the log after the other, and a killed run goes on with the partitions that are missing.

EVENTS/part-00000.parquet   what happened to the people of a partition
TWINS/part-00000.npz        their orders in every twin world; written after the events, so that both are whole
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cpalab.whole_output import durable
from simulator.engines.cohort import BLOCK_USERS, Cohort, Map
from simulator.engines.replacement import Kernels, kernels_of
from simulator.engines.twins import Twins, live_block
from simulator.events import EVENT_SCHEMA, events_table
from simulator.law.board import Board
from simulator.law.log import CONVERSION
from simulator.law.parameters import Law
from simulator.market.market import variants
from simulator.population import build_population, everyone
from simulator.scenario.build_law import Names, build_law
from simulator.scenario.schema import Scenario
from simulator.scenario.timeline import versions
from simulator.shards.shard import check_law
from simulator.shards.workers import Workers

PARTITION_USERS = 131_072
ROW_GROUP = 1_048_576  # rows: what Parquet's writer makes of a whole table

Filter = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class Stage:
    """Where lives are lived.

    Attributes:
        scenario: what is assumed.
        names: what positions in arrays stand for.
        law: the parameters in force.
        board: what the market has published.
        kernels: the compiled law.
    """

    scenario: Scenario
    names: Names
    law: Law
    board: Board
    kernels: Kernels


@dataclass(frozen=True)
class Lives:
    """What happened to the people first..last-1.

    Attributes:
        first, last: who.
        events: their log.
        twins: what happened in each world; of one world where no twins were asked for.
    """

    first: int
    last: int
    events: pa.Table
    twins: Twins


def lives(stage: Stage, first: int, last: int, worlds: Any = None) -> Lives:
    """The lives of people first..last-1 on a finished board, in the factual world and all twins, in one pass.

    Args:
        stage: the world they live in.
        first, last: the block.
        worlds: VARIANT (worlds,), the first without change; None: the factual world alone.

    Example:
        >>> from simulator import load_scenario, simulate
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 1000, "run.days": 2.0}))
        >>> stage = Stage(world.scenario, world.names, world.law, world.board, world.kernels)
        >>> block = lives(stage, 100, 200)
        >>> block.events.num_rows == sum(100 <= user < 200 for user in world.events["user_id"].to_pylist())
        True
    """
    seed = stage.scenario.run.seed
    people = build_population(stage.scenario, stage.law, stage.names, first, last)
    if worlds is None or len(worlds) == 1:
        alone = variants(1)
        cohort = Cohort(
            stage.law, stage.board, people, alone, seed, block_users=last - first, kernel=stage.kernels.advance
        )
        cohort.run_tick(stage.law.calendar.last_day)
        (rows,) = cohort.take_rows()
        twins = Twins(rows[:0], np.zeros((last - first, 1), np.int32), cohort.ledger()[None])
        return Lives(first, last, events_table(rows, stage.names), twins)
    lived = live_block(stage.law, stage.board, people, worlds, seed, kernel=stage.kernels.relive, orders_only=False)
    rows = lived.orders
    happened = rows["world"] == 0
    events = events_table(rows if happened.all() else rows[happened], stage.names)
    orders = rows[(rows["kind"] == CONVERSION) & (rows["time"] >= 0.0) & ~happened]
    return Lives(first, last, events, Twins(orders, lived.parted, lived.ledgers))


def live_partitions(
    stage: Stage,
    events: Path,
    twins: Path,
    worlds: Any = None,
    *,
    threads: int = 1,
    workers: Workers | None = None,
    block_users: int = BLOCK_USERS,
    reduced: Filter | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[Path, ...]:
    """Write the log of everyone partition by partition, and what the twins ordered; what is there already is not lived again.

    Args:
        stage: the world.
        events, twins: folders for the log, and for what the twins ordered.
        worlds: VARIANT (worlds,), as in `lives`.
        threads: how many blocks live at once; at most one more waits to be written.
        workers: who live a file of the log each, instead of threads; they see both folders.
        block_users: people per block.
        reduced: which events of each block are kept; None: all.
        progress: told the share of people who have lived.

    Returns:
        The files of the log, in order.
    """
    users = everyone(stage.scenario)
    events.mkdir(exist_ok=True)
    twins.mkdir(exist_ok=True)
    starts = range(0, max(1, users), PARTITION_USERS)
    parts = [
        Partition(
            first, min(first + PARTITION_USERS, users), (events / f"part-{number:05d}.parquet").resolve(),
            (twins / f"part-{number:05d}.npz").resolve(), worlds, block_users, reduced,
        )
        for number, first in enumerate(starts)
    ]  # fmt: skip
    if workers is None:
        with ThreadPoolExecutor(threads) as pool:
            for part in parts:
                part.live(stage, partial(_in_order, pool, at_once=threads))
                progress(part.last / users)
    else:
        check_law(stage.scenario, stage.kernels)
        missing = [part for part in parts if not part.is_there()]
        tasks = [(part, stage.scenario, stage.board) for part in missing]
        for part, _ in zip(missing, workers.run(_live_elsewhere, tasks), strict=True):
            progress(part.last / users)
    return tuple(events / part.log.name for part in parts)


@dataclass(frozen=True)
class Partition:
    """One file of the log.

    Attributes:
        first, last: whose.
        log, orders: where it goes, and what the twins ordered.
        worlds, block_users, reduced: as in `live_partitions`.
    """

    first: int
    last: int
    log: Path
    orders: Path
    worlds: Any
    block_users: int
    reduced: Filter | None

    def is_there(self) -> bool:
        """Whether it has been lived."""
        return self.log.is_file() and self.orders.is_file()

    def live(self, stage: Stage, map_: Map) -> None:
        """Live it, unless it is there already."""
        if not self.is_there():
            live_from = partial(_lives_from, stage, self.worlds, self.block_users, self.last)
            blocks = map_(live_from, range(self.first, self.last, self.block_users))
            _write_partition(blocks, self.log, self.orders, self.reduced)


def _live_elsewhere(task: tuple[Partition, Scenario, Board]) -> None:
    """Live a partition in another process, by the law that the scenario names."""
    part, scenario, board = task
    law = build_law([version.scenario for version in versions(scenario)])
    part.live(Stage(scenario, Names.of(scenario), law, board, kernels_of(scenario)), map)


def _lives_from(stage: Stage, worlds: Any, block_users: int, last: int, first: int) -> Lives:
    return lives(stage, first, min(first + block_users, last), worlds)


def _write_partition(blocks: Iterable[Lives], log: Path, orders: Path, reduced: Filter | None) -> None:
    """One file of the log, a row group at a time, then the twins' orders."""
    twins: list[Twins] = []
    with durable(log) as path, RowGroups(path) as file:
        for block in blocks:
            twins.append(block.twins)
            file.write(block.events if reduced is None else reduced(block.events))
    rows = np.concatenate([part.orders for part in twins])
    with durable(orders) as path, path.open("wb") as file_of_twins:
        np.savez(
            file_of_twins,
            world=rows["world"],
            order_id=(rows["user"].astype(np.int64) << 32) | rows["session"],
            time=rows["time"],
            value_micros=rows["value_micros"],
            parted=np.concatenate([part.parted for part in twins]).T,
            cost_micros=np.sum([part.ledgers["cost_micros"] for part in twins], axis=0),
        )


class RowGroups:
    """A Parquet file that is written a row group at a time, byte by byte the one that holds the whole table at once."""

    def __init__(self, path: Path) -> None:
        self.writer = pq.ParquetWriter(path, EVENT_SCHEMA, compression="zstd", compression_level=1)
        self.held: list[pa.Table] = []
        self.written = False

    def __enter__(self) -> "RowGroups":
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None and (self.held or not self.written):
            self.writer.write_table(self._table())
        self.writer.close()

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        if table.num_rows:
            self.held.append(table)
        while sum(held.num_rows for held in self.held) > ROW_GROUP:
            whole = self._table()
            self.writer.write_table(whole.slice(0, ROW_GROUP))
            self.held, self.written = [whole.slice(ROW_GROUP)], True

    def _table(self) -> pa.Table:
        # In one piece: Parquet's bytes depend on where a column is cut.
        return pa.concat_tables(self.held).combine_chunks() if self.held else EVENT_SCHEMA.empty_table()


def _in_order(pool: Executor, function: Callable[[Any], Any], items: Iterable[Any], *, at_once: int) -> Iterator[Any]:
    """What the function makes of each item, in their order; only so many at once, for each takes memory."""
    waiting: deque[Future[Any]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > at_once:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
