"""People's own tables: how the commands read them, and how they print what a lift test found."""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cpalab.refusal import InvalidInputError, LiftInputError
from cpalab.visible_text import visible
from experiments.cli.text_file_options import text_file_options, text_options

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
    "page_option",
    "print_each",
    "print_frame",
    "print_lift",
    "read_table",
    "show",
    "write_page",
    "write_table",
]

Command = TypeVar("Command", bound=Callable[..., Any])

# Names, not numbers: 01 is not 1, and NA is Namibia.
NAMED = ("user_id", "cluster_id", "geo", "location", "pair")
# Other names of the columns that a table of users, or of totals per arm, needs.
OF_USERS = {
    "user_id": ("user", "customer_id", "visitor_id", "client_id"),
    "arm": ("group", "cell", "variant", "test_group", "study_group", "bucket"),
    "users": ("reach", "people", "unique_users", "participants"),
    "conversions": ("conversion", "converters", "total_conversions"),
}
TREATED = ("treated", "treatment", "test", "intervention")
HELD_OUT = ("control", "holdout", "hold-out", "hold out")
ON = ("on", "ads on", "running")
OFF = ("off", "ads off", "paused")
# Each is one of two words.
WORDS = ("arm", "state")
DAYS = ("date", "day", "week", "month", "first_day", "last_day")
PAGE = f"{__name__}.page"  # where a command's context keeps the file that its page goes to


def _keep_page(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    problems = folder_problems(value, parameter.opts[0])
    if problems:
        raise LiftInputError(problems)
    context.meta[PAGE] = value


def page_option(command: Command) -> Command:
    """--page: the result as a page to send round (see `write_page`)."""
    return click.option("--page", metavar="FILE.html", expose_value=False, callback=_keep_page,
                        type=click.Path(dir_okay=False, path_type=Path),
                        help="Also write the result as one page that needs no network.")(command)  # fmt: skip


def write_page(frame: "pd.DataFrame", summary: str) -> None:
    """Write the page that --page asks for, whole or not at all; nothing where it was not given.

    Raises:
        LiftInputError: the file cannot be written.
    """
    context = click.get_current_context(silent=True)
    file: Path | None = context.meta.get(PAGE) if context is not None else None
    if file is None:
        return
    from cpalab.whole_output import whole_file
    from experiments.report.pages.lift_page import render_lift

    try:
        with whole_file(file) as part:
            part.write_text(render_lift(frame, summary), encoding="utf-8")
    except OSError as error:
        raise LiftInputError([f"--page: {file} cannot be written; {error.strerror}"]) from None


def file_argument(command: Command) -> Command:
    """FILE, and what may be said of its text: --decimal, --dates and --encoding (see `text_options`)."""
    argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    return argument(text_file_options(command))


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
    """Names from options that may be repeated and may hold commas; commas within brackets belong to the name."""
    names = []
    for value in values:
        depth, start = 0, 0
        for place, sign in enumerate(value):
            depth += (sign in "([{") - (sign in ")]}")
            if sign == "," and depth == 0:
                names.append(value[start:place])
                start = place + 1
        names.append(value[start:])
    return [name.strip() for name in names if name.strip()]


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


def read_table(file: Path, called: Mapping[str, Sequence[str]] | None = None) -> "pd.DataFrame":
    """A table of anyone: delimited text in any common layout, JSON, a workbook or Parquet (see `cpalab.tables.frames`).

    Columns that name somebody or something are text, as it is written.

    Args:
        file: the table.
        called: other names of columns that are needed, by ours; each is read for ours where the table lacks it, and said.

    Raises:
        LiftInputError: a file that cannot be read as a table, or could be read in two ways.
    """
    from cpalab.tables.frames import read_frame

    try:
        others = [name for ours in (*NAMED, *WORDS) for name in (called or {}).get(ours, ())]
        frame, notes = read_frame(file, texts=(*NAMED, *WORDS, *others), dates=DAYS, options=text_options())
    except InvalidInputError as error:
        raise LiftInputError(error.problems) from error
    renamed = _named_otherwise(list(map(str, frame.columns)), called or {})
    frame = frame.rename(columns=renamed)
    said = [f"{name} is read as {ours}" for name, ours in renamed.items()]
    for note in (*notes, *said, *_with_own_words(frame)):
        click.echo(visible(note), err=True)
    return frame


def _named_otherwise(names: Sequence[str], called: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The table's name of every column that is needed and has another; none where two could be meant."""
    from cpalab.tables.dialect import plain_name

    found = {}
    for ours, others in called.items():
        known = {plain_name(name) for name in (ours, *others)}
        meant = [name for name in names if plain_name(name) in known]
        if ours not in names and len(meant) == 1:
            found[meant[0]] = ours
    return found


def _with_own_words(frame: "pd.DataFrame") -> tuple[str, ...]:
    """Name arms and states as we do where a table has other words, or spellings, that can only mean these; what to say.

    "exposed" and "unexposed" are not among them: whom an ad reached was not drawn at random.
    """
    said = []
    for column, words in (("arm", {"treated": TREATED, "control": HELD_OUT}), ("state", {"on": ON, "off": OFF})):
        if column not in frame.columns:
            continue
        written = {str(word): " ".join(str(word).casefold().split()) for word in frame[column].dropna().unique()}
        ours = {plain: name for name, plains in words.items() for plain in plains}
        # One word for each side, however it is spelled: test and treated may be two arms.
        if len(set(written.values())) != 2 or {ours.get(plain) for plain in written.values()} != words.keys():
            continue
        read = {word: ours[plain] for word, plain in written.items() if word != ours[plain]}
        if read:
            frame[column] = frame[column].replace(read)
            said.append(f"{column}: {' and '.join(f'{word!r} is read as {name}' for word, name in read.items())}")
    return tuple(said)


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
    from experiments.cli.terminal import write_csv

    try:
        with whole_file(file) as part:
            write_csv(frame, part)
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
    from experiments.cli.terminal import console, print_json

    write_page(frame, summary)
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
    from experiments.cli.terminal import Table, console
    from experiments.report.numerals import UNDEFINED

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
    from experiments.cli.terminal import console

    for value, rows in frame.groupby(key, sort=False):
        console().print(str(value))
        print_lift(rows.drop(columns=key))


def print_frame(frame: "pd.DataFrame") -> None:
    """Every row and column as they are, a single row upright."""
    from experiments.cli.terminal import Table, console

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


# A bound that lies at zero stands on its own side of it by the smallest number there is.
NOTHING = 1e-30
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
    from experiments.report.numerals import count, three_digits

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
    if not math.isfinite(value):
        return count(value)
    if name.endswith("p_value") or name == "error_spent":
        return f"{value:z.3g}"
    if name.startswith("conversions_per_person"):
        return f"{value:z,.3g}"
    if any(word in name.split("_") for word in SHARES) and not name.startswith("budget_"):
        return f"{count(100 * value, 2)} %"
    if NOTHING < abs(value) < 1 and value != round(value, 2):
        return three_digits(value)
    return count(value, 2 if abs(value) < 1e5 else 0)
