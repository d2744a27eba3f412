"""Column types: whether the cells of a column are text, numbers, truth values or moments, and in words what they are if not.

Files that keep types (Parquet, Arrow) can hold lists, structures, bytes or nothing at all where a table of touches or users
has one plain value per row. One question to `column_problem` before any work saves every reader from them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["column_problem", "common_form"]

# Days from 1970-01-01 to the first of year 1 and to the last day of year 9999: what calendars of Python can write.
FIRST_DAY, LAST_DAY = -719_162, 2_932_896
UNITS_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def column_problem(column: "pa.ChunkedArray | pa.Array", *, may_be_empty: bool = False) -> str:
    """Why this column holds no plain cells, as `rule; hint`; empty where all are text, numbers, true, false or moments.

    Args:
        column: the column, of shape `(rows,)`, as it was read.
        may_be_empty: whether the column may have the type of no value at all.

    Example:
        >>> import pyarrow as pa
        >>> column_problem(pa.array([1, 2]))
        ''
        >>> column_problem(pa.array([[1, 2], [3]]))
        'holds lists; write one value per row'
    """
    import pyarrow as pa

    kind = column.type
    while isinstance(kind, pa.DictionaryType | pa.RunEndEncodedType | pa.BaseExtensionType):
        kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind.value_type
    if pa.types.is_null(kind):
        return "" if may_be_empty or not len(column) else "has no value in any row; fill it, or leave the column out"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _unknown_zone(kind) or _beyond_calendars(column)
    if _is_plain(kind):
        return ""
    what, hint = _in_words(kind)
    return f"holds {what}; {hint}"


def common_form(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """The same cells, in a common form where they are kept as runs or as views of text, which few functions of Arrow read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    return column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column


def _is_plain(kind: "pa.DataType") -> bool:
    from pyarrow import types

    tests = (
        types.is_string, types.is_large_string, types.is_string_view, types.is_integer, types.is_floating,
        types.is_decimal, types.is_boolean,
    )  # fmt: skip
    return any(is_it(kind) for is_it in tests)


def _in_words(kind: "pa.DataType") -> tuple[str, str]:
    from pyarrow import types

    lists = (types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_list_view, types.is_large_list_view)
    if any(is_it(kind) for is_it in lists):
        return "lists", "write one value per row"
    if types.is_struct(kind) or types.is_map(kind) or types.is_union(kind):
        return "structures of several values", "write a column for each"
    if (
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    ):
        return "bytes", "write text or numbers"
    if types.is_duration(kind) or types.is_interval(kind):
        return "lengths of time", "write numbers"
    if types.is_time(kind):
        return "times of day without a day", "write dates with times"
    return f"values of type {kind}", "write text, numbers or times"


def _unknown_zone(kind: "pa.DataType") -> str:
    import pyarrow as pa
    import pyarrow.compute as pc

    zone = getattr(kind, "tz", None)
    if zone is None:
        return ""
    try:
        pc.hour(pa.scalar(0, kind))
    except pa.ArrowInvalid:
        return f"has the time zone {zone!r}, which is in no calendar; write UTC, or a name like Europe/Berlin"
    return ""


def _beyond_calendars(column: "pa.ChunkedArray | pa.Array") -> str:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_date32(kind):
        numbers, per_day = column.cast(pa.int32()), 1
    else:
        numbers, per_day = column.cast(pa.int64()), UNITS_PER_DAY["ms" if pa.types.is_date64(kind) else kind.unit]
    ends = pc.min_max(numbers).as_py()
    if ends["min"] is None or (ends["min"] // per_day >= FIRST_DAY and ends["max"] // per_day <= LAST_DAY):
        return ""
    return "holds dates outside the years 1 to 9999; correct them, or leave them empty where they stand for none"
