"""People's own tables: how the commands read them, and how they print what a lift test found."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cpalab.refusal import LiftInputError

if TYPE_CHECKING:
    import pandas as pd

    from cpalab.result import Result

__all__ = [
    "cell",
    "file_argument",
    "folder_problems",
    "geos_in",
    "levels_option",
    "names_in",
    "print_each",
    "print_frame",
    "print_lift",
    "read_table",
    "show",
    "write_table",
]

Command = TypeVar("Command", bound=Callable[..., Any])

# Names, not numbers: 01 is not 1, and NA is Namibia.
NAMED = ("user_id", "cluster_id", "geo", "location", "pair")
# Each is one of two words.
WORDS = ("arm", "state")
SEPARATORS = (",", ";", "\t")
# What exports write where a number is missing.
MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip

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


def geos_in(values: tuple[str, ...], geos: Sequence[str]) -> list[str]:
    """Names of geos: a value that is a geo's name is that geo; others are split at commas outside double quotes."""
    names = []
    for value in values:
        if value in geos:
            names.append(value)
            continue
        for fields in csv.reader(value.splitlines(), skipinitialspace=True):
            names += [field if field in geos else field.strip() for field in fields if field.strip()]
    return names


def read_table(file: Path) -> "pd.DataFrame":
    """A table from CSV (also compressed; separated by commas, semicolons or tabs) or Parquet.

    Columns that name somebody or something are text, as it is written.

    Raises:
        LiftInputError: a file of another kind, or one that cannot be read as what its name says.
    """
    import pandas as pd

    name = file.name.lower()
    try:
        if name.endswith((".parquet", ".pq")):
            return pd.read_parquet(file)
        if name.endswith((".csv", ".csv.gz", ".csv.zst")):
            return _read_csv(file)
    except LiftInputError:
        raise
    # pyarrow's errors of broken files are ValueErrors too.
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise LiftInputError([f"{file}: it must be a readable table; {reason}"]) from error
    raise LiftInputError([f"{file}: its name must end in .csv or .parquet; convert or rename it"])


def _read_csv(file: Path) -> "pd.DataFrame":
    import pandas as pd

    def header(separator: str) -> list[str]:
        line = pd.read_csv(file, sep=separator, header=None, nrows=1, dtype=str, keep_default_na=False)
        return [str(name) for name in line.iloc[0]]

    # The header line tells the separator: a comma in a name of a column is rarer than several columns.
    separator = max(SEPARATORS, key=lambda candidate: len(header(candidate)))
    names = header(separator)
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise LiftInputError([f"{file}: column {name} stands there twice and must once; drop one" for name in twice])
    table = pd.read_csv(
        file,
        sep=separator,
        dtype=dict.fromkeys(set(NAMED) & set(names), str),
        keep_default_na=False,
        na_values={name: [""] if name in (*NAMED, *WORDS) else list(MISSING) for name in names},
    )
    # pandas takes the first fields of rows that are longer than the header for names of the rows.
    if not isinstance(table.index, pd.RangeIndex):
        raise LiftInputError(
            [f"{file}: rows have more fields than the {len(names)} names of the header; put text with commas in quotes"]
        )
    return table


def folder_problems(file: Path | None, option: str) -> list[str]:
    """What is wrong, before any work, with a file to be written: its folder is not there."""
    if file is None or file.parent.is_dir():
        return []
    return [f"{option}: {file.parent} must be a folder; create it first"]


def write_table(frame: "pd.DataFrame", file: Path, option: str) -> None:
    """Write a CSV file, whole or not at all.

    Raises:
        LiftInputError: the file cannot be written.
    """
    from cpalab.whole_output import whole_file

    try:
        with whole_file(file) as part:
            frame.to_csv(part, index=False)
    except OSError as error:
        raise LiftInputError([f"{option}: {file} cannot be written; {error.strerror}"]) from None


def show(
    frame: "pd.DataFrame",
    summary: str,
    as_json: bool,
    print_table: "Callable[[pd.DataFrame], None]",
    further: "Mapping[str, Result | pd.DataFrame] | None" = None,
) -> None:
    """A result as JSON (rows and sentence), or as a table and a sentence; then further results or rows, each by its name."""
    from cpalab.result import Result
    from experiments.cli.terminal_tables import console, print_json

    if as_json:
        found: dict[str, Any] = {"rows": frame.to_dict("records"), "summary": summary}
        for name, result in (further or {}).items():
            table = result.to_frame() if isinstance(result, Result) else result
            found[name] = table.to_dict("records")
            found["summary"] += f" {result.summary()}" if isinstance(result, Result) else ""
        print_json(found)
        return
    print_table(frame)
    console().print(summary)
    for name, result in (further or {}).items():
        if isinstance(result, Result):
            print_table(result.to_frame())
            console().print(result.summary())
        else:
            console().print(f"{name.replace('_', ' ')}:")
            print_frame(result)


def print_lift(frame: "pd.DataFrame") -> None:
    """One line per quantity, with its interval at every level of the frame."""
    from experiments.cli.terminal_tables import UNDEFINED, console
    from experiments.cli.unfolded_table import Table

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
            _label(name, frame),
            cell(name, frame[name].iloc[0]),
            *(f"{cell(name, low)} – {cell(name, high)}" if low == low else UNDEFINED for low, high in bounds),
        )
    for name in single:
        values = [cell(name, value) for value in frame[name]]
        alike = len(set(values)) == 1
        first = values[0] if alike else UNDEFINED
        table.add_row(name.replace("_", " "), first, *([""] * len(values) if alike else values))
    console().print(table)


def print_each(frame: "pd.DataFrame", key: str) -> None:
    """A table per value of `key`, under its name."""
    from experiments.cli.terminal_tables import console

    for value, rows in frame.groupby(key, sort=False):
        console().print(str(value))
        print_lift(rows.drop(columns=key))


def print_frame(frame: "pd.DataFrame") -> None:
    """Every row and column as they are, a single row upright."""
    from experiments.cli.terminal_tables import console
    from experiments.cli.unfolded_table import Table

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


SHARES = ("lift", "share", "power", "rate", "itt", "att")
# Where a test tells the effect on everybody assigned from that on the exposed, labels say which is which.
EFFECTS = {
    "itt": "effect per assigned user (ITT)",
    "relative_conversion_lift": "relative conversion lift of the assigned (ITT lift)",
    "att": "effect per exposed user (ATT)",
    "relative_att_lift": "relative conversion lift of the exposed (ATT lift)",
}


def _label(name: str, frame: "pd.DataFrame") -> str:
    plain = name.replace("_", " ")
    return EFFECTS.get(name, plain) if "att" in frame.columns else plain


def cell(name: str, value: Any) -> str:
    """A number as its name asks: shares in per cent, p-values to three digits, the rest as money or counts."""
    from experiments.cli.terminal_tables import UNBOUNDED, UNDEFINED

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
    from experiments.lift.estimate.cost_ratio import in_money

    return in_money(value) if abs(value) < 1e5 else f"{value:z,.0f}"
