"""The terminal: its width, tables that fold what is too wide for it, JSON, and tables in files."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
import pandas as pd
import rich.table
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from cpalab.visible_text import spreadsheet_safe, visible

PIPE_WIDTH = 150


class Table(rich.table.Table):
    """Rich's table, whose columns fold: no digit is ever left out."""

    def add_column(self, *args: Any, **options: Any) -> None:
        """Add a column; see rich."""
        super().add_column(*args, **{"overflow": "fold"} | options)


class PlainConsole(Console):
    """A console on which text is text: no markup, no emoji, no control character (see `cpalab.visible_text`)."""

    def __init__(self, width: int | None = None) -> None:
        """The console on standard output, of its own width by default."""
        super().__init__(highlight=False, markup=False, emoji=False, width=width)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich does, every text made visible."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


def console() -> Console:
    """Standard output; wide enough for the table where it is no terminal."""
    screen = PlainConsole()
    return screen if screen.is_terminal else PlainConsole(PIPE_WIDTH)


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
        write_csv(frame, folder / f"{table}.csv")


def write_csv(frame: pd.DataFrame, file: Path) -> None:
    """Write a table as CSV; names from data are no formulas to a spreadsheet."""
    spreadsheet_safe(frame).to_csv(file, index=False)


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
