"""The terminal: its width, tables that fold what is too wide for it, JSON, and tables in files."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pandas as pd
import rich.table
from rich.console import Console

PIPE_WIDTH = 150


class Table(rich.table.Table):
    """Rich's table, whose columns fold: no digit is ever left out."""

    def add_column(self, *args: Any, **options: Any) -> None:
        """Add a column; see rich."""
        super().add_column(*args, **{"overflow": "fold"} | options)


def console() -> Console:
    """Standard output; wide enough for the table where it is no terminal."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def print_json(value: Any) -> None:
    """JSON on standard output: undefined numbers as null, unbounded ones as "inf"."""
    click.echo(json_text(value))


def json_text(value: Any) -> str:
    """The same as text."""
    return json.dumps(_plain(value), indent=2)


def write_tables(folder: Path, name: str, value: Any, frames: Mapping[str, pd.DataFrame]) -> None:
    """NAME.json with everything, and one CSV file per frame, into an existing folder."""
    (folder / f"{name}.json").write_text(json_text(value) + "\n", encoding="utf-8")
    for table, frame in frames.items():
        frame.to_csv(folder / f"{table}.csv", index=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
        return value + 0.0  # minus zero is zero
    return value
