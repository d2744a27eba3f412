"""`export_world`: a simulated world's touches, conversions and costs in any format of attribution, without its truth."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.csv as pacsv

from attribution.formats.fitting import fitted
from attribution.formats.ga4 import GA4
from attribution.formats.records import Records
from attribution.formats.registry import Format, is_counted, load_format, write_data
from attribution.formats.simulated_log import SimulatedLog
from attribution.formats.writing import in_currency
from cpalab.refusal import InvalidInputError, Problem
from cpalab.tables.checked_columns import CheckedColumns
from cpalab.tables.input_table import open_table
from cpalab.tables.report import ReadReport
from simulator.record.systems.analytics_journeys import recorded_journeys
from simulator.world import World

__all__ = ["Exported", "export_world", "records_of"]

Tracking = Literal["perfect", "recorded"]


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: the files.
        notes: a sentence for everything that the format cannot hold, and how to read what is not read by itself.
    """

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def records_of(world: World, tracking: Tracking = "perfect") -> Records:
    """A world's touches, conversions and costs: all that happened, or what web analytics recorded of it.

    Args:
        world: what happened.
        tracking: `perfect` reads the event log as `cpalab attribute DIR` does; `recorded` has the visits and orders of web
            analytics under the scenario's tracking, by visitor.
    """
    source = open_table(world.events, place="events")
    log = SimulatedLog().read_rows(CheckedColumns(source.name, source.load()), world.clock.days)
    if tracking == "perfect":
        return log
    touches, conversions = recorded_journeys(world)
    return Records(touches, conversions, log.costs, ReadReport())


def export_world(
    world: World,
    format: Format | type | str,
    folder: Path,
    *,
    action: str | None = None,
    start: datetime | None = None,
    tracking: Tracking = "perfect",
) -> Exported:
    """Write a world in a format; what is read back has the same credits under the default conventions of paths.

    Args:
        world: what happened.
        format: a name, `name(option=value)`, a `module:Class` or a format. `ga4` writes a channel as its campaign.
        folder: where the files go; costs, where the format holds none, as costs.csv.
        action: which action counts, in formats that hold one; default "conversion".
        start: when day 0 begins; default: 1 January 2026 where the format needs dates.
        tracking: everything that happened (`perfect`), or what web analytics recorded of it (`recorded`).

    Raises:
        InvalidInputError: the format cannot hold the world, and why.
    """
    chosen = load_format(format)
    if tracking == "recorded" and isinstance(chosen, SimulatedLog):
        rule, hint = "holds everything that happened, not what was recorded of it", "choose another format"
        raise InvalidInputError([Problem("--format", rule, chosen.name, hint)])
    notes: tuple[str, ...] = ()
    if isinstance(chosen, GA4) and chosen == GA4():
        chosen = replace(chosen, channel="campaign")
    records = records_of(world, tracking)
    if is_counted(chosen):
        records, costs = records.of_action(action), records.costs
    else:
        found = fitted(records, chosen, action, start)
        records, costs, notes = found.records, found.costs, found.notes
    if isinstance(chosen, GA4):
        notes += (
            f"Each channel is the campaign of its sessions: read it with --format \"ga4(channel='{chosen.channel}')\".",
        )
    files = write_data(records, chosen, folder)
    if costs is not None and len(costs):
        names = [name for name in ("channel", "time", "campaign", "cost_micros") if name in costs.column_names]
        path = folder / "costs.csv"
        pacsv.write_csv(_plain(in_currency(costs.select(names), "cost")), path)
        files += (path,)
        notes += (f"Costs that {chosen.name} has no place for are in costs.csv (--cost).",)
    return Exported(files, notes)


def _plain(table: pa.Table) -> pa.Table:
    fields = [f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))
