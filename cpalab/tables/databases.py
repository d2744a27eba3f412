"""Rows of a database as tables: one per query, read only; SQLite by itself, others by ConnectorX."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from cpalab.refusal import InvalidInputError, first_line

SQLITE = b"SQLite format 3\x00"
SHOWN = 8


def is_database(given: str | Path) -> bool:
    """Whether an input is the address of a database (`postgres://…`, `sqlite:///…`) or a file of SQLite."""
    if "://" in str(given):
        return True
    path = Path(given)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def without_password(address: str | Path) -> str:
    """An address as it may be shown and kept: without the name and password of whoever reads."""
    return re.sub(r"//[^/]*@", "//…@", str(address))


def query_tables(address: str | Path, queries: Sequence[str]) -> list[pa.Table]:
    """The rows of every query.

    Args:
        address: `postgres://user@host/base`, `mysql://…`, `mssql://…`, `sqlite:///file`, or a file of SQLite.
        queries: SQL, one per table; at least one.

    Raises:
        InvalidInputError: if there is no query, no such database, it refuses one, or ConnectorX is missing.
    """
    shown = without_password(address)
    sqlite = str(address).startswith("sqlite:") or "://" not in str(address)
    if not queries:
        raise InvalidInputError(
            [f"--query: none given for {shown}; say which rows{_tables(address) if sqlite else ''}"]
        )
    return [_of_sqlite(address, query) if sqlite else _of_server(str(address), query, shown) for query in queries]


def _connect(address: str | Path) -> sqlite3.Connection:
    path = Path(str(address).removeprefix("sqlite:///"))
    if not path.is_file():
        raise InvalidInputError(
            [f"{path}: does not exist; sqlite:///file is in this folder, sqlite:////folder/file is not"]
        )
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _tables(address: str | Path) -> str:
    with closing(_connect(address)) as base:
        names = [row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    more = " …" if len(names) > SHOWN else ""
    return (
        f" of {', '.join(names[:SHOWN])}{more} (--query 'SELECT … FROM {names[0]}')"
        if names
        else ", of which it has none"
    )


def _of_sqlite(address: str | Path, query: str) -> pa.Table:
    try:
        with closing(_connect(address)) as base:
            cursor = base.execute(query)
            rows = cursor.fetchall()
            names = [column[0] for column in cursor.description or ()]
    except sqlite3.Error as error:
        raise InvalidInputError(
            [f"--query: {query[:60]!r} is refused by the database ({error}); mend the query"]
        ) from error
    if not names:
        raise InvalidInputError([f"--query: {query[:60]!r} gives no rows; give a SELECT"])
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pa.table([_column(list(values)) for values in columns], names=names)


def _column(values: list[Any]) -> pa.Array:
    """A column whose cells may be of several types, as SQLite's are: text then."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _of_server(address: str, query: str, shown: str) -> pa.Table:
    try:
        import connectorx  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise InvalidInputError(
            [f"{shown}: needs ConnectorX; pip install 'cpalab[database]', or export the rows to Parquet or CSV"]
        ) from None
    try:
        table: pa.Table = connectorx.read_sql(address, query, return_type="arrow")
    except Exception as error:  # whatever the driver of the database raises
        said = without_password(first_line(error))
        raise InvalidInputError([f"{shown}: cannot be read ({said}); check the address and the query"]) from error
    return table
