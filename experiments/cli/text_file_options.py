"""What may be said of people's text files, --encoding, --decimal and --dates, and how the readers are told."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:
    from cpalab.tables.input_table import TextOptions

Command = TypeVar("Command", bound=Callable[..., Any])

MARKS: dict[str, Literal[".", ","]] = {"point": ".", "comma": ","}
ORDERS = {"day-first": True, "month-first": False}
TOLD = __name__  # where a command's context keeps what it was told


def _tell(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    context.meta.setdefault(TOLD, {})[parameter.name] = value


def text_file_options(command: Command) -> Command:
    """--encoding, --decimal and --dates, which `text_options` gives to the readers."""
    for decorate in (
        click.option("--dates", type=click.Choice(list(ORDERS)), expose_value=False, callback=_tell,
                     help="How to read 3/4/2026. Default: told from the file."),
        click.option("--decimal", type=click.Choice(list(MARKS)), expose_value=False, callback=_tell,
                     help="What stands before decimals. Default: told from the file."),
        click.option("--encoding", metavar="NAME", expose_value=False, callback=_tell,
                     help="Encoding of text files. Default: told from their bytes."),
    ):  # fmt: skip
        command = decorate(command)
    return command


def text_options(missing: Literal["empty", "name"] | None = None) -> "TextOptions":
    """What the running command was told of its text files, and what NA means in a column of names."""
    from cpalab.tables.input_table import TextOptions

    context = click.get_current_context(silent=True)
    told = context.meta.get(TOLD, {}) if context is not None else {}
    mark, order = told.get("decimal") or "", told.get("dates") or ""
    return TextOptions(told.get("encoding"), MARKS.get(mark), ORDERS.get(order), missing)
