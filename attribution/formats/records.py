"""`Records` and `CountedPaths`: what a format holds, in the terms of `build_paths`; money in micros."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats, Ints
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError, did_you_mean
from cpalab.tables.checked_columns import CheckedColumns
from cpalab.tables.report import ReadReport

if TYPE_CHECKING:
    from attribution.paths.settings import PathSettings

ACTION, DEFAULT_ACTION, ANY = "action", "conversion", "any"
MOST_SHOWN = 30


@dataclass(frozen=True, eq=False)
class Records:
    """Touches, conversions and costs, row by row.

    Attributes:
        touches: `user_id, time, channel`, `kind` ("click" or "view") where known, and every other column of
            the data as a segment.
        conversions: `user_id, time`, and where known `order_id`, `value_micros`, `action` (what was done:
            "conversion", "lead" …), truths about it (such as `qualified`), and other columns as segments.
        costs: `channel, cost_micros`, `time` where known, and other columns as segments; None if the data
            hold no costs.
        report: what became of every row.
        counted_from: where the count starts, in days; what lies before is the known past (`PathSettings.counted_from`).
            None: everything counts.
    """

    touches: pa.Table
    conversions: pa.Table
    costs: pa.Table | None
    report: ReadReport
    counted_from: float | None = None

    @property
    def has_value(self) -> bool:
        """Whether the data say what conversions are worth."""
        return "value_micros" in self.conversions.column_names

    @property
    def actions(self) -> tuple[str, ...]:
        """What can be counted as an action: the actions of conversions, and truths about them, such as `qualified`."""
        return (*self._words, *(field.name for field in self.conversions.schema if pa.types.is_boolean(field.type)))

    def of_action(self, action: str | None = None) -> Records:
        """The same records with conversions of one action (or truth) only.

        Args:
            action: one of `actions`, or "any" for all; None takes "conversion" where there is such an action, and everything
                where all conversions are the same.

        Raises:
            InvalidInputError: if no conversion is that action, or there are several to choose from.
        """
        if action == ANY:
            return self
        if action is None:
            if len(self._words) <= 1:
                return self
            if DEFAULT_ACTION not in self._words:
                raise InvalidInputError(
                    [
                        f"action: conversions are of several actions; choose one of {self._known} (--action; any counts all)"
                    ]
                )
            action = DEFAULT_ACTION
        if action not in self.actions:
            raise InvalidInputError([f"action: {action!r} is unknown; {did_you_mean(action, self.actions)}"])
        table = self.conversions
        is_truth = action in table.column_names and pa.types.is_boolean(table.schema.field(action).type)
        chosen = table[action] if is_truth else pc.equal(table[ACTION].cast(pa.string()), action)
        return replace(self, conversions=table.filter(chosen))

    @property
    def _known(self) -> str:
        return ", ".join(self.actions[:MOST_SHOWN]) + (" …" if len(self.actions) > MOST_SHOWN else "")

    @property
    def _words(self) -> list[str]:
        if ACTION not in self.conversions.column_names:
            return []
        return sorted(word for word in pc.unique(self.conversions[ACTION]).to_pylist() if word)

    def to_paths(self, settings: PathSettings | None = None, *, keep_journeys: bool = True) -> Paths:
        """The paths under these conventions (see `build_paths`) that end in the action, or did not.

        Raises:
            InvalidInputError: if conversions are of several actions: choose with `of_action` before.
        """
        from attribution.paths.build import build_paths
        from attribution.paths.settings import PathSettings

        if len(self._words) > 1:
            raise InvalidInputError(
                [f"action: conversions are of several actions; choose one with of_action: {self._known}"]
            )
        settings = settings or PathSettings()
        if settings.counted_from is None:
            settings = replace(settings, counted_from=self.counted_from)
        return build_paths(self.touches, self.conversions, settings, keep_journeys=keep_journeys)

    def summary(self) -> str:
        """How much there is, and what became of the rows."""
        costs = 0 if self.costs is None else len(self.costs)
        return (
            f"{len(self.touches):,} touches, {len(self.conversions):,} conversions, {costs:,} rows of cost. "
            + self.report.summary()
        )


@dataclass(frozen=True, eq=False)
class CountedPaths:
    """Paths that were counted before: without people, times or segments.

    Attributes:
        paths: the paths.
        report: what became of every row.
        costs: `channel, cost_micros`; None if the data hold no costs.
        has_value: whether the data say what conversions are worth.
    """

    paths: Paths
    report: ReadReport
    costs: pa.Table | None = None
    has_value: bool = True

    def summary(self) -> str:
        """How much there is, and what became of the rows."""
        return f"{self.paths.summary()} {self.report.summary()}"


def micros(amount: Floats) -> Ints:
    """Currency units as micros."""
    return np.rint(amount * MICROS).astype(np.int64)


def touch_of(costs: pa.Table, touches: pa.Table) -> Ints:
    """The touch of each cost's channel at its time, the first of several; -1 where there is none (n_costs,)."""
    first = np.full(len(costs), -1, dtype=np.int64)
    if not len(costs) or "time" not in costs.column_names:
        return first
    keys = ["channel", "time"]

    def keyed(table: pa.Table, row: str) -> pa.Table:
        plain = pa.table({"channel": table["channel"].cast(pa.string()), "time": table["time"]})
        return plain.append_column(row, pa.array(np.arange(len(table))))

    held = keyed(touches, "touch").group_by(keys, use_threads=False).aggregate([("touch", "min")])
    met = keyed(costs, "cost").join(held, keys, join_type="inner")
    first[met["cost"].to_numpy()] = met["touch_min"].to_numpy()
    return first


def segment_columns(sieve: CheckedColumns, names: Sequence[str], taken: Sequence[str]) -> dict[str, pa.ChunkedArray]:
    """Columns that mean nothing to the format, as text to break figures down by."""
    plain = [name for name in names if not pa.types.is_nested(sieve.loaded.table[name].type)]
    return {name: sieve.text(name, empty_is=None) for name in plain if name not in taken}


def empty_touches() -> pa.Table:
    """A table of touches without rows."""
    text = pa.large_string()
    return pa.schema([("user_id", text), ("time", pa.float64()), ("channel", text)]).empty_table()


def empty_conversions() -> pa.Table:
    """A table of conversions without rows."""
    return pa.schema([("user_id", pa.large_string()), ("time", pa.float64())]).empty_table()
