"""`fitted`: records as a format can hold them, and in words what it cannot; every model's credits stay the same.

Same credits means: under the default conventions of paths (`PathSettings()`), where views enter no path and an order uses up
the touches before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.records import DEFAULT_ACTION, Records, touch_of
from attribution.formats.simulated_log import is_view
from attribution.formats.writing import Clock, Limits
from attribution.paths.ragged import Bools
from cpalab.refusal import InvalidInputError

if TYPE_CHECKING:
    from attribution.formats.registry import Format

MICROSECONDS_PER_DAY = 86_400e6
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Fitted:
    """Records that a format holds without loss, and what had to go.

    Attributes:
        records: what to write with `write_data`.
        costs: the costs that the format has no place for; None if there are none.
        notes: a sentence for everything that was left out or moved.
    """

    records: Records
    costs: pa.Table | None
    notes: tuple[str, ...]


def fitted(records: Records, format: Format, action: str | None = None, start: datetime | None = None) -> Fitted:
    """The records as the format can hold them; credits under the default conventions of paths stay the same.

    Args:
        records: what was read from a log or any tables.
        format: where they shall go.
        action: which action to keep in formats that know no past; default "conversion".
        start: when day 0 begins, for times that are days; default: 1 January 2026 where the format needs dates.

    Raises:
        InvalidInputError: conversions are of several actions, or their times fit neither.
    """
    limits = getattr(format, "limits", Limits())
    if limits.past:
        return Fitted(records, None, ())
    notes: list[str] = []
    records = _counted(records.of_action(action), notes)
    if not limits.views:
        view = is_view(records.touches)
        if view.any():
            notes.append(f"{np.count_nonzero(view):,} views are left out: {format.name} holds visits alone.")
        records = replace(records, touches=_without(records.touches.filter(pa.array(~view)), "kind"))
    if not limits.unattributed:
        alone = _alone(records)
        if alone.any():
            notes.append(
                f"{np.count_nonzero(alone):,} conversions without a touch since their person's last one are left out: "
                f"{format.name} holds conversions of touches alone, and no model credits these."
            )
        records = replace(records, conversions=records.conversions.filter(pa.array(~alone)))
    if not limits.value and records.has_value:
        notes.append(f"What conversions are worth is left out: {format.name} has no column for it.")
        records = replace(records, conversions=_without(records.conversions, "value_micros"))
    if action in (None, DEFAULT_ACTION) and "action" in records.conversions.column_names:
        records = replace(records, conversions=_without(records.conversions, "action"))
    costs, apart = _shared_costs(records, limits)
    given = {"touches": records.touches, "conversions": records.conversions, "costs": costs, "apart": apart}
    tables = {name: table for name, table in given.items() if table is not None}
    tables |= _timed(tables, limits.clock, start, str(format.name), notes)
    records = replace(records, touches=tables["touches"], conversions=tables["conversions"], costs=tables.get("costs"))
    return Fitted(records, tables.get("apart"), tuple(notes))


def _counted(records: Records, notes: list[str]) -> Records:
    """Without the known past, but for the touches that belong to journeys which are counted."""
    start = records.counted_from
    if start is None:
        return records
    touches, conversions = records.touches, records.conversions
    when, bought = touches["time"].to_numpy(), conversions["time"].to_numpy()
    people = pc.unique(pa.chunked_array([*touches["user_id"].chunks, *conversions["user_id"].chunks]))
    who, buyer = (pc.index_in(table["user_id"], value_set=people).to_numpy() for table in (touches, conversions))
    used_until, buys_until = (np.full(len(people), -np.inf) for _ in range(2))
    np.maximum.at(used_until, buyer[bought < start], bought[bought < start])
    np.maximum.at(buys_until, buyer[bought >= start], bought[bought >= start])
    view, came = is_view(touches), np.zeros(len(touches), dtype=np.bool_)
    for kind in (view, ~view):
        last = np.full(len(people), -np.inf)
        np.maximum.at(last, who[kind], when[kind])
        came |= kind & (last[who] >= start)
    keep = (when > used_until[who]) & (came | (buys_until[who] >= when)) | (when >= start)
    gone, before = int(np.count_nonzero(~keep)), int(np.count_nonzero(bought < start))
    if gone or before:
        notes.append(
            f"{gone:,} touches and {before:,} conversions of the warm-up are left out: no counted path holds them."
        )
    return replace(
        records,
        touches=touches.filter(pa.array(keep)),
        conversions=conversions.filter(pa.array(bought >= start)),
        counted_from=None,
    )


def _alone(records: Records) -> Bools:
    """Which conversions have no touch since the person's last conversion at another instant (n_conversions,)."""
    import pandas as pd

    bought, touched = (
        pd.DataFrame({"user": table["user_id"].cast(pa.string()).to_pandas(), "time": table["time"].to_pandas()})
        for table in (records.conversions, records.touches)
    )
    instants = bought.drop_duplicates().sort_values("time")
    instants = instants.assign(before=instants.groupby("user", sort=False)["time"].shift())
    last = pd.merge_asof(
        instants, touched.sort_values("time").assign(touched=lambda t: t["time"]), on="time", by="user"
    )
    last["alone"] = last["touched"].isna() | (last["touched"] <= last["before"])
    return np.asarray(bought.merge(last, on=["user", "time"], how="left")["alone"], dtype=np.bool_)


def _shared_costs(records: Records, limits: Limits) -> tuple[pa.Table | None, pa.Table | None]:
    """The costs that the format holds, and those that it has no place for."""
    costs = records.costs
    if costs is None or limits.cost == "tables":
        return costs, None
    if limits.cost == "none":
        return None, costs
    here = touch_of(costs, records.touches) >= 0
    return costs.filter(pa.array(here)), None if here.all() else costs.filter(pa.array(~here))


def _timed(
    tables: dict[str, pa.Table], clock: Clock, start: datetime | None, name: str, notes: list[str]
) -> dict[str, pa.Table]:
    """On the format's clock: dates, or days, or days of which none is negative."""
    timed = {role: table for role, table in tables.items() if "time" in table.column_names}
    dated = any(pa.types.is_timestamp(table["time"].type) for table in timed.values())
    if clock in ("days", "days_from_0") and (dated or start is not None):
        raise InvalidInputError([f"{name}: times must be days from the start; datetimes cannot be written"])
    if not dated and (clock == "dates" or start is not None):
        begin = start or FIRST_DAY
        notes.append(f"Day 0 is {begin:%d %B %Y}.")
        return {role: _as_dates(table, begin) for role, table in timed.items()}
    first = 0.0 if clock != "days_from_0" else min(pc.min(table["time"]).as_py() or 0.0 for table in timed.values())
    if first >= 0:
        return {}
    days = float(np.ceil(-first))
    notes.append(f"Times begin {days:g} days before the window, so that none is negative.")
    return {role: _set(table, pc.add(table["time"], days)) for role, table in timed.items()}


def _as_dates(table: pa.Table, begin: datetime) -> pa.Table:
    aware = begin if begin.tzinfo else begin.replace(tzinfo=UTC)
    day = np.rint(table["time"].to_numpy().astype(np.float64) * MICROSECONDS_PER_DAY).astype(np.int64)
    first = round(aware.timestamp()) * 1_000_000
    return _set(table, pa.array(first + day).cast(pa.timestamp("us", tz="UTC")))


def _set(table: pa.Table, time: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index("time"), "time", time)


def _without(table: pa.Table, name: str) -> pa.Table:
    return table.drop_columns(name) if name in table.column_names else table
