"""People's own tables: how the commands read them, and how they print what a lift test found."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "cell",
    "file_argument",
    "levels_option",
    "names_in",
    "print_frame",
    "print_lift",
    "print_rows",
    "read_table",
    "show",
]

Command = TypeVar("Command", bound=Callable[..., Any])

file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


def levels_option(command: Command) -> Command:
    """--level, as often as wanted."""
    return click.option(
        "--level",
        "levels",
        type=float,
        multiple=True,
        default=(0.90, 0.95),
        show_default=True,
        help="Confidence level; may be repeated.",
    )(command)


def names_in(values: tuple[str, ...]) -> list[str]:
    """Names from options that may be repeated and may hold commas."""
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


def read_table(file: Path) -> "pd.DataFrame":
    """A table from CSV (also compressed) or Parquet.

    Raises:
        LiftInputError: a file of another kind, or one that cannot be read as what its name says.
    """
    import pandas as pd

    from experiments.lift.refusal import LiftInputError

    name = file.name.lower()
    try:
        if name.endswith((".parquet", ".pq")):
            return pd.read_parquet(file)
        if name.endswith((".csv", ".csv.gz", ".csv.zst")):
            return pd.read_csv(file)
    # pyarrow's errors of broken files are ValueErrors too.
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise LiftInputError([f"{file}: it must be a readable table; {reason}"]) from error
    raise LiftInputError([f"{file}: its name must end in .csv or .parquet; convert or rename it"])


def show(frame: "pd.DataFrame", summary: str, as_json: bool, print_table: "Callable[[pd.DataFrame], None]") -> None:
    """A result as JSON (rows and sentence), or as a table and a sentence."""
    from experiments.cli.tables import console, print_json

    if as_json:
        print_json({"rows": frame.to_dict("records"), "summary": summary})
    else:
        print_table(frame)
        console().print(summary)


def print_lift(frame: "pd.DataFrame") -> None:
    """One line per quantity, with its interval at every level of the frame."""
    from rich.table import Table

    from experiments.cli.tables import UNDEFINED, console

    measures = [name for name in frame.columns if f"{name}_lower" in frame.columns]
    single = [
        name
        for name in frame.columns
        if name != "level" and name not in measures and not name.endswith(("_lower", "_upper"))
    ]
    table = Table()
    table.add_column("")
    table.add_column("estimate", justify="right")
    for level in frame["level"]:
        table.add_column(f"{100 * level:g} % interval", justify="right")
    for name in measures:
        bounds = zip(frame[f"{name}_lower"], frame[f"{name}_upper"], strict=True)
        table.add_row(
            name.replace("_", " "),
            cell(name, frame[name].iloc[0]),
            *(f"{cell(name, low)} – {cell(name, high)}" for low, high in bounds),
        )
    for name in single:
        values = [cell(name, value) for value in frame[name]]
        alike = len(set(values)) == 1
        first = values[0] if alike else UNDEFINED
        table.add_row(name.replace("_", " "), first, *([""] * len(values) if alike else values))
    console().print(table)


def print_rows(frame: "pd.DataFrame", key: str) -> None:
    """One line per value of `key`, with each quantity's interval at every level of the frame, and its p-value."""
    from rich.table import Table

    from experiments.cli.tables import UNDEFINED, console

    measures = [name for name in frame.columns if f"{name}_lower" in frame.columns]
    levels = list(dict.fromkeys(frame["level"]))
    table = Table()
    table.add_column("")
    for name in measures:
        table.add_column(name.replace("_", " "), justify="right")
        for level in levels:
            table.add_column(f"{100 * level:g} % interval", justify="right")
    table.add_column("p value", justify="right")
    for value, rows in frame.groupby(key, sort=False):
        cells = []
        for name in measures:
            cells.append(cell(name, rows[name].iloc[0]))
            bounds = zip(rows[f"{name}_lower"], rows[f"{name}_upper"], strict=True)
            cells += [f"{cell(name, low)} – {cell(name, high)}" if low == low else UNDEFINED for low, high in bounds]
        table.add_row(str(value), *cells, cell("p_value", rows["p_value"].iloc[0]))
    console().print(table)


def print_frame(frame: "pd.DataFrame") -> None:
    """Every row and column as they are, a single row upright."""
    from rich.table import Table

    from experiments.cli.tables import console

    table = Table(show_header=len(frame) > 1)
    if len(frame) == 1:
        table.add_column("")
        table.add_column("", justify="right")
        for name in frame.columns:
            table.add_row(name.replace("_", " "), cell(name, frame[name].iloc[0]))
    else:
        for name in frame.columns:
            table.add_column(name.replace("_", " "), justify="right")
        for row in frame.itertuples(index=False):
            table.add_row(*(cell(name, value) for name, value in zip(frame.columns, row, strict=True)))
    console().print(table)


SHARES = ("lift", "share", "power", "rate")


def cell(name: str, value: Any) -> str:
    """A number as its name asks: shares in per cent, p-values to three digits, the rest as money or counts."""
    from experiments.cli.tables import UNBOUNDED, UNDEFINED

    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    if value != value:
        return UNDEFINED
    if value in (float("inf"), float("-inf")):
        return UNBOUNDED if value > 0 else f"−{UNBOUNDED}"
    if name.endswith("p_value") or name == "error_spent":
        return f"{value:z.3g}"
    if name.startswith("conversions_per_person"):
        return f"{value:z,.3g}"
    if any(word in name.split("_") for word in SHARES):
        return f"{100 * value:z,.2f} %"
    return f"{value:z,.2f}" if abs(value) < 1e5 else f"{value:z,.0f}"
