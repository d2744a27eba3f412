"""`OutputTable` and `Limits`: tables on their way to files, each whole or not at all, and what a format cannot hold."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from cpalab.micros import MICROS

FileKind = Literal["csv", "tsv", "parquet", "json_lines"]
Clock = Literal["any", "days", "days_from_0", "dates"]

SUFFIX: dict[FileKind, str] = {"csv": ".csv", "tsv": ".tsv", "parquet": ".parquet", "json_lines": ".jsonl"}


@dataclass(frozen=True)
class Limits:
    """What a format cannot hold; the class attribute `limits` of a format, if it has one.

    Attributes:
        past: it can say that what lies before some instant is known and not counted.
        views: it holds views beside clicks.
        unattributed: it holds conversions without a touch since the person's last conversion.
        value: it holds what conversions are worth.
        cost: "tables": any costs; "touches": costs of touches; "none".
        clock: how it tells time.
    """

    past: bool = False
    views: bool = True
    unattributed: bool = True
    value: bool = True
    cost: Literal["tables", "touches", "none"] = "none"
    clock: Clock = "any"


@dataclass(frozen=True, eq=False)
class OutputTable:
    """One file of a format.

    Attributes:
        name: of the file, without folder and suffix.
        table: its rows.
        kind: how it is written.
    """

    name: str
    table: pa.Table
    kind: FileKind = "csv"

    def write(self, folder: Path) -> Path:
        """Write the file into a folder that exists, and return its path."""
        target = folder / (self.name + SUFFIX[self.kind])
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{self.name.split('/')[-1]}.", dir=target.parent)
        os.close(handle)
        try:
            self._write(temporary)
            Path(temporary).chmod(0o644)
            Path(temporary).rename(target)
        finally:
            Path(temporary).unlink(missing_ok=True)
        return target

    def _write(self, path: str) -> None:
        if self.kind == "parquet":
            pq.write_table(self.table, path, compression="zstd")
        elif self.kind == "json_lines":
            import json

            with Path(path).open("w", encoding="utf-8") as file:
                for batch in self.table.to_batches(max_chunksize=10_000):
                    file.writelines(json.dumps(row, default=str) + "\n" for row in batch.to_pylist())
        else:
            options = pacsv.WriteOptions(delimiter="\t" if self.kind == "tsv" else ",", quoting_style="needed")
            pacsv.write_csv(_plain(self.table), path, options)


def in_currency(table: pa.Table, name: str) -> pa.Table:
    """The table with the column `NAME_micros`, if it has one, as `NAME` in currency units."""
    place = table.schema.get_field_index(f"{name}_micros")
    if place < 0:
        return table
    return table.set_column(place, name, pc.divide(table.column(place).cast(pa.float64()), float(MICROS)))


def _plain(table: pa.Table) -> pa.Table:
    """The table without dictionaries, which text files do not have."""
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
