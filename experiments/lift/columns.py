"""Columns of people's own tables as arrays: numbers, names, true or false, and calendar days, with what is wrong in them."""

import datetime
import difflib
import re
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
from narwhals.exceptions import DuplicateError
from numpy.typing import NDArray

from cpalab.column_types import column_problem
from cpalab.refusal import LiftInputError, refuse

__all__ = ["coded", "day_of", "days", "flags", "frame_of", "misspelt_columns", "numbers", "unused_columns"]

# Squares of larger numbers, and products of those, leave the range of floating-point numbers.
LARGEST = 1e30
EXAMPLES = 5
MOST_NAMES = 10
# Year first, because 01/02/2026 is January in one country and February in the next.
DAY = re.compile(r"\s*(\d{4})(?:([-/])(\d{1,2})\2(\d{1,2})|(\d\d)(\d\d))(?:[T ]\d{1,2}:.*)?\s*")


def frame_of(data: Any) -> nw.DataFrame[Any]:
    """Any data frame narwhals reads, collected where it is lazy.

    Raises:
        LiftInputError: no data frame, or one without rows.
    """
    try:
        frame = nw.from_native(data)
    except TypeError:
        kind = type(data).__name__
        raise LiftInputError([f"table: {kind} must be a data frame (pandas, polars, pyarrow …); build one"]) from None
    except DuplicateError as error:
        raise LiftInputError([f"table: {' '.join(str(error).split())}; drop or rename one"]) from None
    table: nw.DataFrame[Any] = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    if not len(table):
        refuse([f"table: 0 rows must be at least one; it has only the columns {', '.join(table.columns)}"])
    return table


# What exports and other tools call the columns that are read here.
OTHER_NAMES = {
    "cost": ("spend", "ad_spend", "amount_spent", "media_cost", "total_cost"),
    "value": ("revenue", "sales", "order_value", "conversion_value"),
    "cluster_id": ("cluster", "clusters"),
    "exposed": ("exposure", "is_exposed", "was_exposed"),
    "pre_period_conversions": ("pre_conversions", "conversions_pre", "conversions_before", "pre_period"),
}
NEARLY = 0.85


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.casefold())


def misspelt_columns(names: Sequence[str], optional: Sequence[str], read: Sequence[str]) -> list[str]:
    """A problem for each column that is nearly one of the optional ones, which the table then lacks.

    Args:
        names: columns of the table.
        optional: columns that may be left out; one that is left out by a slip of the pen would be ignored in silence.
        read: every column that is read.
    """
    problems = []
    for name in names:
        if name in read:
            continue
        for meant in optional:
            other = {_plain(word) for word in (meant, *OTHER_NAMES.get(meant, ()))}
            near = difflib.SequenceMatcher(None, _plain(name), _plain(meant)).ratio() >= NEARLY
            if meant not in names and (_plain(name) in other or near):
                problems.append(f"{name}: column is none that is read here; did you mean {meant}? Rename it or drop it")
                break
    return problems


def unused_columns(names: Sequence[str], read: Sequence[str]) -> tuple[str, ...]:
    """A sentence that names the columns which play no part; none where every column does."""
    unused = [name for name in names if name not in read]
    shown = ", ".join(unused[:MOST_NAMES]) + (
        f" and {len(unused) - MOST_NAMES} more" if len(unused) > MOST_NAMES else ""
    )
    return (f"Columns not used: {shown}.",) if unused else ()


def _column(frame: nw.DataFrame[Any], name: str, problems: list[str]) -> nw.Series[Any] | None:
    """A column of plain cells; None where there is none, which whoever knows the columns says, or they are not plain."""
    if name not in frame.columns:
        return None
    native = frame[name].to_native()
    if isinstance(native, pd.Series) and isinstance(native.dtype, pd.ArrowDtype):
        native = native.array.__arrow_array__()  # type: ignore[attr-defined]  # of columns that hold Arrow's
    if isinstance(native, pa.ChunkedArray | pa.Array) and (problem := column_problem(native, may_be_empty=True)):
        problems.append(f"{name}: {problem}")
        return None
    return frame[name]


def numbers(
    frame: nw.DataFrame[Any], name: str, problems: list[str], negative: str | None = None
) -> NDArray[np.float64]:
    """A column as floating-point numbers of shape `(rows,)`; none, and a problem more, where it is not all numbers.

    Args:
        frame: the table.
        name: of the column.
        problems: where problems are added.
        negative: what to do with negative values, said where they are refused; None where they are allowed.
    """
    none = np.array([], dtype=np.float64)
    column = _column(frame, name, problems)
    if column is None:
        return none
    missing = int(column.is_null().sum())
    values = none if missing else _floating(column)
    if values is not None and not missing:
        missing = int(np.isnan(values).sum())
    if missing:
        problems.append(f"{name}: {missing:,} missing values must be given; write 0 for none")
        return none
    if values is None:
        problems.append(
            f"{name}: {_what_it_holds(column)} must be numbers; write 1234.5 for one, or convert the column"
        )
        return none
    endless, below = int(np.isinf(values).sum()), int((values < 0).sum())
    if endless:
        problems.append(f"{name}: {endless:,} values must be finite numbers; write 0 for none")
    elif max(values.max(), -values.min()) > LARGEST:
        problems.append(
            f"{name}: values up to {np.abs(values).max():z.3g} must be below {LARGEST:g}; use a larger unit"
        )
    elif below and negative is not None:
        problems.append(f"{name}: {below:,} negative values must be at least 0; {negative}")
    else:
        return values
    return none


def coded(frame: nw.DataFrame[Any], name: str, problems: list[str]) -> "tuple[NDArray[np.intp], pd.Index[Any]]":
    """A column of names as codes of shape `(rows,)` and its distinct names; nothing, and a problem more, without names."""
    nothing = np.array([], dtype=np.intp), pd.Index([], dtype=object)
    column = _column(frame, name, problems)
    if column is None:
        return nothing
    missing = int(column.is_null().sum())
    if not missing:
        try:
            codes, names = pd.factorize(column.to_pandas())
        except TypeError:
            problems.append(f"{name}: lists must be one name or number per row; give each a row of its own")
            return nothing
        missing = int((codes < 0).sum())
    if missing:
        problems.append(f"{name}: {missing:,} missing values must be given; name it in every row")
        return nothing
    return codes, names


def flags(frame: nw.DataFrame[Any], name: str, problems: list[str], hint: str) -> NDArray[np.bool_]:
    """A column of true and false (or 1 and 0), of shape `(rows,)`; none, and a problem more, where it holds others."""
    codes, values = coded(frame, name, problems)
    if all(value in (False, True) for value in values):
        return np.array([bool(value) for value in values], dtype=bool)[codes]
    problems.append(f"{name}: values must be true or false; {hint}")
    return np.array([], dtype=bool)


def days(frame: nw.DataFrame[Any], name: str, problems: list[str]) -> NDArray[np.datetime64]:
    """Calendar days as written, of shape `(rows,)`: an offset from UTC moves none; nothing, and a problem more, without.

    A time of day is left out: a day's rows have one day.
    """
    column = _column(frame, name, problems)
    if column is None:
        return np.array([], dtype="datetime64[D]")
    if isinstance(column.dtype, nw.Datetime) and column.dtype.time_zone is not None:
        column = column.dt.replace_time_zone(None)
    codes, written = _distinct_moments(column)
    missing = int((codes < 0).sum())
    found = [day_of(value) for value in written]
    strange = [str(value) for value, day in zip(written, found, strict=True) if day is None]
    if missing:
        problems.append(f"{name}: {missing:,} missing values must be given; every row has its day")
    elif strange:
        problems.append(
            f"{name}: values such as {', '.join(strange[:EXAMPLES])} must be dates, year first; write 2026-03-01"
        )
    else:
        return np.array(found, dtype="datetime64[D]")[codes]
    return np.array([], dtype="datetime64[D]")


def day_of(value: object) -> datetime.date | None:
    """The calendar day that is written, in the place where it was written; None where none is."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | np.integer):
        return None
    parts = DAY.fullmatch(str(value))
    if parts is None:
        return None
    year, month, day = (int(part) for part in parts.group(1, 3, 4, 5, 6) if part is not None)
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def _distinct_moments(column: nw.Series[Any]) -> tuple[NDArray[np.intp], Sequence[Any]]:
    values = column.to_pandas()
    if values.dtype == object:
        # Moments in two places may be one moment, and yet two days: each row is read by itself.
        here = values.notna().to_numpy()
        return np.where(here, np.cumsum(here) - 1, -1), list(values[here])
    codes, distinct = pd.factorize(values)
    return codes, list(distinct)


def _floating(column: nw.Series[Any]) -> NDArray[np.float64] | None:
    """The column as floating-point numbers; None where it holds anything else."""
    if column.dtype == nw.Decimal:
        column = column.cast(nw.Float64)
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return np.asarray(column.to_numpy(), dtype=np.float64)
    values = column.to_numpy()
    kinds = ("decimal", "integer", "floating", "mixed-integer-float", "boolean")
    if values.dtype != object or pd.api.types.infer_dtype(values, skipna=False) not in kinds:
        return None
    try:
        return values.astype(np.float64)
    except OverflowError:
        return np.full(values.size, np.inf)


def _what_it_holds(column: nw.Series[Any]) -> str:
    """An example of what is no number, or the column's type."""
    for value in column.to_list():
        if isinstance(value, str):
            try:
                float(value)
            except ValueError:
                return f"text such as '{value}'"
    return "text" if column.dtype == nw.String else str(column.to_numpy().dtype)
