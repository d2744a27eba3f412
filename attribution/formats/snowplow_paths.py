"""Format `snowplow_paths`: the path tables of Snowplow's attribution package, one row per conversion or lost customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.records import CountedPaths
from attribution.formats.writing import OutputTable
from attribution.paths.paths import SEPARATOR, Paths
from attribution.paths.texts import distinct_rows
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError
from cpalab.tables.checked_columns import CheckedColumns, Column, match_columns
from cpalab.tables.input_table import InputTable
from cpalab.tables.report import ReadReport

COLUMNS = {
    "path": Column(("channel_transformed_path", "channel_path", "transformed_path")),
    "conversion": Column(("cv_id", "event_id", "cv_tstamp"), required=False),
    "kind": Column(("cv_type",), required=False),
    "revenue": Column(("revenue", "cv_total_revenue"), required=False),
    "customer": Column(("customer_id", "user_identifier", "stitched_user_id", "domain_userid"), required=False),
}
REPEATED = (
    "stands in several rows: a row is one conversion in paths_to_conversion, but one touch in channel_attributions; give "
    "paths_to_conversion, each conversion once"
)


@dataclass(frozen=True)
class SnowplowPaths:
    """`paths_to_conversion`: every row is a conversion; `paths_to_non_conversion`: a customer without one.

    The transformed path counts where both are given. A table without `cv_id`, `event_id` and `cv_tstamp` holds customers
    without conversion.

    Attributes:
        cv_type: which conversions to read, where there are several types.
    """

    cv_type: str | None = None

    name: ClassVar[str] = "snowplow_paths"
    description: ClassVar[str] = (
        "channel_transformed_path, cv_id, revenue (one row per conversion); customers without one"
    )
    layout: ClassVar[Mapping[str, Mapping[str, Column]]] = {"": COLUMNS}

    def recognises(self, source: InputTable) -> bool:
        """Whether every row has a path and is a conversion or a customer, not a count."""
        found, _ = match_columns(source, COLUMNS, [])
        counted = {"conversions", "non_conversions"} & {name.casefold() for name in source.columns}
        return "path" in found and bool({"conversion", "customer"} & found.keys()) and not counted

    def read(self, sources: Sequence[InputTable]) -> CountedPaths:
        """Read the paths; equal ones are added up."""
        problems: list[str] = []
        parts, reports = [], []
        for source in sources:
            found, _ = match_columns(source, COLUMNS, problems)
            if "path" not in found:
                continue
            sieve = CheckedColumns(source.name, source.load(tuple(found.values())))
            parts.append(self._paths(sieve, found, problems))
            reports.append(sieve.report())
        if problems:
            raise InvalidInputError(problems)
        return CountedPaths(Paths.merge(*parts), ReadReport.sum(reports))

    def tables(self, paths: Paths) -> tuple[OutputTable, ...]:
        """A row per conversion and a row per journey without one; a path's value is shared by its conversions.

        Raises:
            InvalidInputError: if counts are not whole: a fraction of a conversion has no row.
        """
        counts = np.concatenate([paths.conversions, paths.nulls, [paths.unattributed_conversions]])
        if (counts != np.rint(counts)).any():
            raise InvalidInputError([f"{self.name}: counts are not whole numbers; write top_paths"])
        names = np.array(paths.channels, dtype=object)[paths.codes]
        text = [*(SEPARATOR.join(row) for row in np.split(names, paths.offsets[1:-1]) if len(paths)), ""]
        sold = np.append(paths.conversions, paths.unattributed_conversions).astype(np.int64)
        value = np.append(paths.value_micros, paths.unattributed_value_micros)
        each = value // np.maximum(sold, 1)
        revenue = np.repeat(each, sold)
        first = np.cumsum(sold) - sold
        revenue[first[sold > 0]] += (value - each * sold)[sold > 0]  # what whole micros cannot share goes to the first
        path, number = pa.array(text, pa.string()), np.arange(len(revenue))
        converted = {
            "cv_id": pa.array([f"cv{i}" for i in number], pa.string()),
            "channel_transformed_path": path.take(pa.array(np.repeat(np.arange(len(text)), sold))),
            "revenue": revenue / MICROS,
        }
        lost = np.repeat(np.arange(len(paths)), paths.nulls.astype(np.int64))
        without = {
            "customer_id": pa.array([f"customer{i}" for i in range(len(lost))], pa.string()),
            "channel_transformed_path": path.take(pa.array(lost)),
        }
        tables = {"paths_to_conversion": pa.table(converted), "paths_to_non_conversion": pa.table(without)}
        return tuple(OutputTable(name, table) for name, table in tables.items() if len(table))

    def _paths(self, sieve: CheckedColumns, found: Mapping[str, str], problems: list[str]) -> Paths:
        path = sieve.column(found["path"])
        chosen = np.ones(len(sieve), dtype=np.bool_)
        if "kind" in found:
            kinds = sieve.text(found["kind"], empty_is=None)
            known = sorted(kind for kind in pc.unique(kinds).to_pylist() if kind)
            if self.cv_type is None and len(known) > 1:
                problems.append(f"{sieve.place}.{found['kind']}: conversions are of {', '.join(known)}; keep one kind")
            if self.cv_type is not None:
                chosen = pc.fill_null(pc.equal(kinds, self.cv_type), False).to_numpy()
                sieve.left_out.append(("conversions of another kind", int(np.count_nonzero(~chosen))))
        if "conversion" in found and found["conversion"].casefold() != "cv_tstamp":
            ids = sieve.ids(found["conversion"])
            again = pc.value_counts(ids.drop_null())
            several = again.field("values").filter(pc.greater(again.field("counts"), 1))
            rows = pc.and_(pc.is_in(ids, value_set=several), pa.array(chosen)).fill_null(False).to_numpy()
            sieve.mark(found["conversion"], rows, REPEATED, can_drop=False)
        revenue = sieve.numbers(found["revenue"]) if "revenue" in found else np.zeros(len(sieve))
        rows = distinct_rows(path, SEPARATOR)
        gap = rows.has_empty_name[rows.row]
        sieve.mark(found["path"], gap, "has an empty name before or after '>'")
        converted = float("conversion" in found)
        if not converted and "revenue" in found:
            sieve.mark(found["revenue"], revenue > 0, "is value without a conversion")
        kept = sieve.kept(chosen)
        ones = np.ones(len(kept))
        return Paths.from_rows(
            path.take(pa.array(kept)),
            converted * ones,
            value_micros=revenue[kept] * MICROS,
            nulls=(1 - converted) * ones,
        )
