"""`stream_paths`: Parquet files sorted by person become counted paths in one pass, block after block of people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from attribution.formats.records import ACTION, DEFAULT_ACTION, CountedPaths, Records
from attribution.formats.roles import role_of
from attribution.formats.simulated_log import SimulatedLog, told_of
from attribution.paths.paths import Paths
from attribution.paths.settings import PathSettings
from cpalab.column_types import column_problem
from cpalab.refusal import InvalidInputError, did_you_mean
from cpalab.tables.checked_columns import CheckedColumns
from cpalab.tables.input_table import InputTable, Loaded, open_table
from cpalab.tables.report import BadRows, ReadReport

BLOCK_ROWS = 4_000_000
MERGE_TOUCHES = 8_000_000  # touches of distinct paths that may wait to be merged
TOUCH_COLUMNS = ("user_id", "time", "channel", "kind")
CONVERSION_COLUMNS = ("user_id", "time", "order_id", "value", "value_micros")
LOG_COLUMNS = ("user_id", "time", "kind", "channel", "campaign", "order_id", "cost_micros", "value_micros")


def stream_paths(
    *inputs: Path | str,
    settings: PathSettings | None = None,
    action: str = DEFAULT_ACTION,
    bad_rows: BadRows = "refuse",
    block_rows: int = BLOCK_ROWS,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> CountedPaths:
    """Count the paths of data larger than memory, with their costs by channel.

    Reads a simulated log, or a table of touches and one of conversions (format `tables`), as Parquet files or folders of
    them, sorted by `user_id`. Blocks of whole people are built apart and merged (`Paths.merge`), so that only one block
    and the distinct paths are in memory; journeys are not kept. The end of observation is the latest time in the files'
    statistics, unless the settings name it.

    Args:
        inputs: one log; or touches and conversions.
        settings: the conventions of paths.
        action: which action of a simulated log to count; tables are taken to hold one action.
        bad_rows: malformed rows are refused, or dropped and counted.
        block_rows: rows of a block; a person with more makes it longer.
        progress: wraps the iterator of blocks, for a progress bar.

    Raises:
        InvalidInputError: if the inputs are of another format, people do not stand together, or rows are malformed.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from attribution import stream_paths
        >>> touches = {"user_id": ["ann", "ann", "bob"], "time": [1.0, 2.0, 3.0], "channel": ["search", "email", "search"]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = Path(folder) / "touches.parquet", Path(folder) / "conversions.parquet"
        ...     pd.DataFrame(touches).to_parquet(files[0])
        ...     pd.DataFrame({"user_id": ["ann"], "time": [2.5]}).to_parquet(files[1])
        ...     counted = stream_paths(*files)
        >>> counted.paths.to_frame()["path"].tolist()
        ['search > email', 'search']
    """
    sources = [open_table(path) for path in inputs]
    log = len(sources) == 1 and SimulatedLog().recognises(sources[0])
    roles = {role_of(source): source for source in sources}
    problems = [f"{source.name}: is not Parquet; only Parquet streams" for source in sources if not source.is_parquet]
    if not log and (len(sources) != 2 or set(roles) != {"touches", "conversions"}):
        problems.append("inputs: must be one simulated log, or a table of touches and one of conversions, to stream")
    problems += [
        f"{source.name}: column {name!r} is missing; name it so to stream"
        for source in sources
        for name in ("user_id", "time")
        if name not in source.columns
    ]
    if problems:
        raise InvalidInputError(problems)
    end, notes = told_of(sources[0]) if log else (None, [])
    settings = settings or PathSettings()
    if settings.observed_until is None:
        latest = max(_latest(source) for source in sources)
        settings = replace(settings, observed_until=latest if end is None else min(latest, end))
    waiting: list[Paths] = []
    costs: list[pa.Table] = []
    actions: set[str] = set()
    reports: list[ReadReport] = []
    for block in progress(_log_blocks(sources[0], block_rows, end, notes) if log else _table_blocks(roles, block_rows)):
        if block.report.defects and bad_rows == "refuse":
            raise InvalidInputError(
                [f"{d}; correct them, or drop malformed rows (--bad-rows drop)" for d in block.report.defects]
            )
        reports.append(block.report)
        if block.costs is not None:
            costs.append(_by_channel([*costs[-1:], block.costs]))
        actions.update(block.actions)
        waiting.append(_counted(block, action).to_paths(settings, keep_journeys=False))
        if sum(len(paths.codes) for paths in waiting[1:]) > max(MERGE_TOUCHES, len(waiting[0].codes)):
            waiting = [Paths.merge(*waiting)]
    if log and action not in actions:
        raise InvalidInputError([f"action: {action!r} is unknown; {did_you_mean(action, actions)}"])
    return CountedPaths(Paths.merge(*waiting), ReadReport.sum(reports), costs[-1] if costs else None)


class _People:
    """The rows of Parquet files in their order, handed out in whole people."""

    def __init__(self, source: InputTable, columns: Sequence[str], rows: int) -> None:
        self.source, self.columns, self.rows = source, list(columns), rows
        self.handed_out = 0
        self.last_user: Any = None
        self.nothing = pq.read_schema(source.files()[0]).empty_table().select(self.columns)
        problems = [(name, column_problem(self.nothing[name])) for name in self.columns]
        if odd := [f"{source.name}: column {name!r} {problem}" for name, problem in problems if problem]:
            raise InvalidInputError(odd)
        self.held = self.nothing
        self.batches = self._batches()

    def block(self) -> Loaded | None:
        """The next people with at least `rows` rows, or all that are left; None at the end."""
        while (batch := next(self.batches, None)) is not None:
            self.held = pa.concat_tables([self.held, batch])
            users = self.held["user_id"]
            if len(self.held) > self.rows and users[0] != users[-1]:
                return self._hand_out(_first(self.held, users[-1].as_py(), "left"))
        return self._hand_out(len(self.held)) if len(self.held) else None

    def until(self, user: Any) -> Loaded:
        """The rows of all people up to this one."""
        while not len(self.held) or self.held["user_id"][-1].as_py() <= user:
            batch = next(self.batches, None)
            if batch is None:
                break
            self.held = pa.concat_tables([self.held, batch])
        return self._hand_out(_first(self.held, user, "right"))

    def _hand_out(self, rows: int) -> Loaded:
        table, self.held = self.held.slice(0, rows), self.held.slice(rows)
        place = np.arange(self.handed_out, self.handed_out + rows)
        self.handed_out += rows
        return Loaded(table, place, "row")

    def _batches(self) -> Iterator[pa.Table]:
        for file in self.source.files():
            for batch in pq.ParquetFile(file).iter_batches(max(self.rows // 4, 1), columns=self.columns):
                users = batch["user_id"]
                if users.null_count:
                    raise InvalidInputError([f"{file.name}.user_id: is empty in some rows; drop them to stream"])
                falls = pc.any(pc.less(users[1:], users[:-1])).as_py()
                if falls or (self.last_user is not None and users[0].as_py() < self.last_user):
                    raise InvalidInputError(
                        [f"{file.name}: people do not stand together; sort by user_id, or read it whole"]
                    )
                self.last_user = users[-1].as_py()
                yield pa.Table.from_batches([batch])


def _first(table: pa.Table, user: Any, side: str) -> int:
    """The first row of a user ("left"), or the first behind them ("right")."""
    behind = pc.greater_equal if side == "left" else pc.greater
    place = pc.index(behind(table["user_id"], pa.scalar(user, table["user_id"].type)), True).as_py()
    return len(table) if place < 0 else int(place)


def _log_blocks(source: InputTable, rows: int, until: float | None, notes: Sequence[str]) -> Iterator[Records]:
    people = _People(source, [name for name in LOG_COLUMNS if name in source.columns], rows)
    while (loaded := people.block()) is not None:
        sieve = CheckedColumns(source.name, loaded)
        sieve.notes += notes
        yield SimulatedLog().read_rows(sieve, until)


def _table_blocks(sources: Mapping[Any, InputTable], rows: int) -> Iterator[Records]:
    """Touches and conversions of the same people, as they are: `build_paths` refuses malformed rows."""
    touches, conversions = sources["touches"], sources["conversions"]
    touched = _People(touches, [name for name in TOUCH_COLUMNS if name in touches.columns], rows)
    bought = _People(conversions, [name for name in CONVERSION_COLUMNS if name in conversions.columns], rows)
    while (block := touched.block()) is not None:
        theirs = bought.until(block.table["user_id"][-1].as_py())
        yield _records(block.table, theirs.table)
    while (rest := bought.block()) is not None:
        yield _records(touched.nothing, rest.table)


def _counted(block: Records, action: str) -> Records:
    """The block with conversions of one action; a block may have none."""
    if action in block.actions:
        return block.of_action(action)
    alike = ACTION not in block.conversions.column_names
    return block if alike else replace(block, conversions=block.conversions.slice(0, 0))


def _records(touches: pa.Table, conversions: pa.Table) -> Records:
    return Records(touches, conversions, None, ReadReport(rows=len(touches) + len(conversions)))


def _by_channel(costs: Sequence[pa.Table]) -> pa.Table:
    """The sum of costs per channel."""
    rows = pa.concat_tables([table.select(["channel", "cost_micros"]) for table in costs]).unify_dictionaries()
    total = rows.group_by("channel").aggregate([("cost_micros", "sum")])
    return total.rename_columns(["channel", "cost_micros"])


def _latest(source: InputTable) -> Any:
    """The latest time in the files, from their statistics where they have them."""
    latest = []
    for file in source.files():
        parquet = pq.ParquetFile(file)
        column = parquet.schema_arrow.get_field_index("time")
        for group in range(parquet.num_row_groups):
            statistics = parquet.metadata.row_group(group).column(column).statistics
            if statistics is not None and statistics.has_min_max:
                latest.append(statistics.max)
            else:
                latest.append(pc.max(parquet.read_row_group(group, columns=["time"])["time"]).as_py())
    return max(time for time in latest if time is not None)
