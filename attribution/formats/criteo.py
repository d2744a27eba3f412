"""Format `criteo`: the Criteo attribution data set, one row per impression; times in seconds become days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.event_tables import joined
from attribution.formats.records import Records, micros, touch_of
from attribution.formats.writing import Limits, OutputTable
from attribution.paths.ragged import Ints
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError
from cpalab.tables.checked_columns import CheckedColumns, Column, match_columns
from cpalab.tables.input_table import InputTable
from cpalab.tables.report import ReadReport

SECONDS_PER_DAY = 86_400
ABSENT = -1
CATEGORIES = tuple(f"cat{i}" for i in range(1, 10))
COLUMNS = {
    name: Column((name,), required=name in ("timestamp", "uid", "campaign", "conversion", "click"))
    for name in (
        "timestamp",
        "uid",
        "campaign",
        "conversion",
        "conversion_timestamp",
        "conversion_id",
        "attribution",
        "click",
        "click_pos",
        "click_nb",
        "cost",
        "cpo",
        "time_since_last_click",
        *CATEGORIES,
    )
}


@dataclass(frozen=True)
class Criteo:
    """Impressions are views, those with `click` = 1 clicks; the campaign is the channel.

    A conversion stands in the row of every impression before it and is read once, by its `conversion_id`; -1
    means none. `cost` is in the publisher's transformed unit: costs compare with each other only, and
    conversions have no value.

    Source: Diemert, Meynet, Galland & Lefortier (2017), Attribution modeling increases efficiency of bidding
    in display advertising, section 4 (the data set's description).
    """

    name = "criteo"
    description = "the Criteo attribution data set: timestamp, uid, campaign, conversion, click, cost …"
    layout: ClassVar[Mapping[str, Mapping[str, Column]]] = {"": COLUMNS}
    limits: ClassVar[Limits] = Limits(unattributed=False, value=False, cost="touches", clock="days_from_0")
    example = "0\\t20073966\\t22589171\\t0\\t-1\\t-1\\t0\\t0.00001"

    def recognises(self, source: InputTable) -> bool:
        """Whether the columns are those of the data set."""
        return {"timestamp", "uid", "campaign", "conversion", "click"} <= set(source.columns)

    def read(self, sources: Sequence[InputTable]) -> Records:
        """Read impressions as touches, and each conversion once."""
        problems: list[str] = []
        touches, conversions, costs, reports = [], [], [], []
        for source in sources:
            found, rest = match_columns(source, COLUMNS, problems)
            if problems:
                continue
            needless = ("attribution", "click_pos", "click_nb", "cpo", "time_since_last_click")
            sieve = CheckedColumns(source.name, source.load([name for name in found.values() if name not in needless]))
            touch, bought = self._rows(sieve, found)
            touches.append(touch)
            conversions.append(bought)
            costs.append(touch.select([n for n in touch.column_names if n not in ("user_id", "kind")]))
            reports.append(sieve.report([f"{source.name}: columns not read: {', '.join(rest)}"] if rest else []))
        if problems:
            raise InvalidInputError(problems)
        plain = joined(touches)
        return Records(
            plain.drop_columns([c for c in ("cost_micros",) if c in plain.column_names]),
            _once(joined(conversions)),
            joined(costs) if "cost_micros" in plain.column_names else None,
            ReadReport.sum(reports),
        )

    def _rows(self, sieve: CheckedColumns, found: dict[str, str]) -> tuple[pa.Table, pa.Table]:
        touch = {
            "user_id": sieve.users("uid"),
            "time": sieve.times("timestamp", seconds_per_unit=1),
            "channel": sieve.text("campaign"),
            "kind": pa.array(np.where(sieve.flags("click"), "click", "view")),
        }
        sieve.mark("timestamp", touch["time"].to_numpy() < 0, "is before the start of the data")
        if "cost" in found:
            touch["cost_micros"] = pa.array(micros(sieve.numbers("cost")))
        touch |= {name: sieve.text(name, empty_is=None) for name in CATEGORIES if name in found}
        converted = sieve.flags("conversion")
        bought = {"user_id": touch["user_id"]}
        if "conversion_timestamp" in found:
            seconds = sieve.numbers("conversion_timestamp", empty=ABSENT, negative=True)
            sieve.mark("conversion_timestamp", converted & (seconds < 0), "is absent, yet the row has a conversion")
            late = converted & (seconds >= 0) & (seconds / SECONDS_PER_DAY < touch["time"].to_numpy())
            sieve.mark("conversion_timestamp", late, "is before the impression")
            bought["time"] = pa.array(seconds / SECONDS_PER_DAY)
        else:
            bought["time"] = touch["time"]
        if "conversion_id" in found:
            bought["order_id"] = sieve.text("conversion_id", empty_is=None)
        rows = pa.array(sieve.kept(converted))
        return pa.table(touch).take(pa.array(sieve.kept())), pa.table(bought).take(rows)

    def tables(self, records: Records) -> tuple[OutputTable, ...]:
        """One row per touch, with the conversion of the person that follows it first.

        Raises:
            InvalidInputError: if times are not days from 0 on, a conversion has no touch between it and the one before it,
                or a cost no touch at its time: they would be lost.
        """
        touches, conversions = records.touches, records.conversions
        if not (pa.types.is_floating(touches["time"].type) and pa.types.is_floating(conversions["time"].type)):
            raise InvalidInputError(["criteo: times must be days from the start; datetimes cannot be written"])
        if (pc.min(touches["time"]).as_py() or 0.0) < 0:
            raise InvalidInputError(["criteo: times must be days from 0 on; write `tables`"])
        own = pa.array([f"conversion {row}" for row in range(len(conversions))])
        named = "order_id" in conversions.column_names
        order = pc.coalesce(conversions["order_id"].cast(pa.string()), own) if named else own
        frame = touches.to_pandas()
        bought = pa.table(
            {"user_id": conversions["user_id"], "conversion_time": conversions["time"], "order_id": order}
        ).to_pandas()
        frame["row"] = np.arange(len(frame))
        import pandas as pd

        met = pd.merge_asof(
            frame.sort_values("time", kind="stable"),
            bought.sort_values("conversion_time", kind="stable"),
            left_on="time",
            right_on="conversion_time",
            by="user_id",
            direction="forward",
        ).sort_values("row")
        lost = len(bought) - len(met[["user_id", "order_id"]].dropna().drop_duplicates())
        if lost:
            raise InvalidInputError(
                [f"criteo: {lost} conversions have no touch of their own before them; write `tables`"]
            )
        converted = met["conversion_time"].notna()
        seconds = (met["conversion_time"] * SECONDS_PER_DAY).where(converted, ABSENT)
        click = met["kind"].eq("click") if "kind" in met else pd.Series(True, index=met.index)
        columns: dict[str, Any] = {
            "timestamp": met["time"] * SECONDS_PER_DAY,
            "uid": met["user_id"],
            "campaign": met["channel"],
            "conversion": converted.astype(int),
            "conversion_timestamp": seconds,
            "conversion_id": met["order_id"].where(converted, str(ABSENT)),
            "click": click.astype(int),
        }
        if records.costs is not None:
            columns["cost"] = _cost_of_touches(touches, records.costs) / MICROS
        columns |= {name: met[name] for name in CATEGORIES if name in met}
        return (OutputTable("criteo", pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False), "tsv"),)


def _cost_of_touches(touches: pa.Table, costs: pa.Table) -> Ints:
    """What each touch cost, in micros; of several of a channel at one time the first has it all (n_touches,).

    Raises:
        InvalidInputError: a cost has no touch of its channel at its time.
    """
    touch = touch_of(costs, touches)
    if lost := int(np.count_nonzero(touch < 0)):
        raise InvalidInputError([f"criteo: {lost} costs have no touch of their channel at their time; write `tables`"])
    spent = np.zeros(len(touches), dtype=np.int64)
    np.add.at(spent, touch, costs["cost_micros"].to_numpy())
    return spent


def _once(conversions: pa.Table) -> pa.Table:
    """The first row of each conversion, told apart by its id or, without one, by its instant."""
    keys = ["user_id", "order_id" if "order_id" in conversions.column_names else "time"]
    row = pa.array(np.arange(len(conversions)))
    first = conversions.append_column("row", row).group_by(keys, use_threads=False).aggregate([("row", "min")])
    return conversions.take(pc.take(first["row_min"], pc.sort_indices(first["row_min"])))
