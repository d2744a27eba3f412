"""What became of every row: read, dropped, left out, merged, and what met nothing; one table of counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from attribution.formats.records import CountedPaths, Records
    from attribution.paths.paths import Paths
    from cpalab.tables.report import ReadReport

FEWEST_DIFFERENT = 0.5  # conversions are whole; what rounding leaves is none


def counts_of(
    data: Records | CountedPaths, records: Records | None, paths: Paths, costs: Any, cost_report: ReadReport | None
) -> pd.DataFrame:
    """One row per count: `what, of, rows`.

    Args:
        data: as read, with conversions of all actions.
        records: the touches and conversions that were counted; None for counted paths.
        paths: what was made of them.
        costs: the table of costs, if any.
        cost_report: what became of the rows of a file of costs of its own, if any.
    """
    import pandas as pd

    rows: list[tuple[str, str, float]] = []
    for report in (data.report, *([] if cost_report is None else [cost_report])):
        rows += [("read", file, read) for file, read, _ in report.files]
        rows += [("malformed, dropped", file, dropped) for file, _, dropped in report.files if dropped]
        rows += [("left out", what, many) for what, many in report.left_out if many]
    whole = float(paths.conversions.sum()) + paths.unattributed_conversions
    if records is not None:
        rows += [("counted", "touches", len(records.touches)), ("counted", "conversions", whole)]
        others = len(getattr(data, "conversions", ())) - len(records.conversions)
        rows += [("left out", "conversions of other actions", others)] if others else []
        merged = len(records.conversions) - whole
        if merged > FEWEST_DIFFERENT and records.counted_from is None:
            rows.append(("merged", "conversions whose order was told before", merged))
        rows += _unmet(records)
    else:
        rows += [("counted", "distinct paths", len(paths)), ("counted", "conversions", whole)]
        if paths.nulls.sum():
            rows.append(("counted", "journeys without conversion", float(paths.nulls.sum())))
    rows.append(("unmatched", "conversions without any touch", paths.unattributed_conversions))
    if costs is not None:
        alone = {*costs["channel"].to_pylist()} - {None, *paths.channels}
        rows.append(("unmatched", "channels that cost something and are in no path", len(alone)))
    return pd.DataFrame(rows, columns=["what", "of", "rows"]).astype({"rows": "float64"})


def _unmet(records: Records) -> list[tuple[str, str, float]]:
    """People with conversions who are in no touch, of all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    seen, bought = (
        pc.unique(table["user_id"].cast(pa.large_string())) for table in (records.touches, records.conversions)
    )
    lost = len(bought) - (pc.sum(pc.is_in(bought, value_set=seen)).as_py() or 0)
    return [("unmatched", f"people with conversions and no touch, of {len(bought):,}", lost)]
