"""A file of anyone's as a pandas data frame: columns of numbers as numbers, all others as the text that is written there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cpalab.refusal import InvalidInputError
from cpalab.tables.checked_columns import Bools, CheckedColumns
from cpalab.tables.dialect import plain_name
from cpalab.tables.input_table import TextOptions, open_table
from cpalab.tables.numerals import is_nothing

# The day or the month first, or the month by its name.
NOT_ISO = r"^\s*\d{1,2}[./-]\d{1,2}[./-]\d{4}|[A-Za-z]{3}"

if TYPE_CHECKING:
    import pandas as pd


def read_frame(
    path: Path | str,
    *,
    texts: Collection[str] = (),
    dates: Collection[str] = (),
    known: Collection[str] = (),
    options: TextOptions | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows of a file, and what a reader should know of them, such as totals that were left out.

    Reads what `open_table` does: delimited text in any common layout and encoding, also compressed, JSON, workbooks, Parquet.
    A column is numbers where every cell is a number or says that there is none (these are NaN); thousands, currency signs
    and decimal commas are understood, and refused where they could mean two numbers.

    Args:
        path: the file.
        texts: columns that are text whatever stands there: names, not numbers (01 is not 1, and NA is Namibia).
        dates: columns of days, which become text such as 2026-03-31 however they are written; refused where 3/4/2026 could be
            two days.
        known: names of columns that help to find the header below titles; by default `texts`.
        options: what is known of the text.

    Raises:
        InvalidInputError: if the file is no table, or rows of it are malformed, with their lines.
    """
    source = open_table(path, known={*map(plain_name, known or texts)}, options=options)
    loaded = source.load()
    if source.kind == "parquet":
        return loaded.table.to_pandas(), ()
    sieve = CheckedColumns(source.name, loaded)
    plain = {name: plain_name(name) for name in source.columns}
    texts = [name for name in source.columns if plain[name] in {*map(plain_name, texts)}]
    dates = [name for name in source.columns if plain[name] in {*map(plain_name, dates)}]
    sieve.leave_out_totals(
        texts or source.columns[:1], [n for n in source.columns if n not in texts and _numeric(sieve, n)]
    )
    columns = {}
    for name in source.columns:
        if name in dates and (days := _days(sieve, name)) is not None:
            columns[name] = days
        elif name not in texts and _numeric(sieve, name):
            number = sieve.numbers(name, negative=True)
            columns[name] = pa.array(number, mask=_empty(sieve, name))
        else:
            columns[name] = sieve.text(name, empty_is=None)
            if {*pc.unique(pc.utf8_lower(columns[name])).to_pylist()} <= {"true", "false"} and name not in texts:
                columns[name] = pa.array(sieve.flags(name))
    if sieve.defects:
        raise InvalidInputError([str(defect) for defect in sieve.defects])
    frame = pa.table(columns).to_pandas()
    whole = [n for n in frame.columns if frame[n].dtype == "float64" and (frame[n] % 1 == 0).all()]
    left_out = tuple(
        f"{source.name}: {rows:,} left out: {what}" for what, rows in sieve.left_out if what != "blank lines"
    )
    return frame.astype(dict.fromkeys(whole, "int64")), (*sieve.notes, *left_out)


def _days(sieve: CheckedColumns, name: str) -> pa.Array | None:
    """The days of a column that is not written year first, as ISO 8601; None where it is, or holds something else."""
    texts = sieve.text(name, empty_is=None)
    if not pc.any(pc.match_substring_regex(texts, NOT_ISO)).as_py():
        return None
    trial = CheckedColumns(sieve.place, sieve.loaded)
    found = trial.times(name)
    if not pa.types.is_timestamp(found.type) or any("is not a time" in defect.rule for defect in trial.defects):
        return None  # whoever wants days says what is wrong
    sieve.notes += [note for note in trial.notes if note not in sieve.notes]
    sieve.defects += [defect for defect in trial.defects if defect not in sieve.defects]
    return pc.strftime(found, "%Y-%m-%d")


def _numeric(sieve: CheckedColumns, name: str) -> bool:
    """Whether every cell of a column is a number or says that there is none, and one is a number."""
    trial = CheckedColumns(sieve.place, sieve.loaded)
    trial.numbers(name, negative=True)
    is_number = not any("is not a number" in defect.rule for defect in trial.defects)
    return is_number and not _empty(sieve, name).all()


def _empty(sieve: CheckedColumns, name: str) -> Bools:
    texts = sieve.text(name, empty_is=None)
    nothing = [text for text in pc.unique(texts).to_pylist() if text is None or is_nothing(text)]
    return np.asarray(pc.is_in(texts, value_set=pa.array(nothing, pa.large_string())).to_numpy())
