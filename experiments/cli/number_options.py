"""Numbers in options, read as `--set` reads them (see `cpalab.number_text`), and refused in the same words."""

from typing import Any

import click
from click.types import FloatParamType, FloatRange, IntParamType, IntRange

from cpalab.number_text import number_of

__all__ = ["read_numbers_alike"]


class WholeNumber(IntParamType):
    """A whole number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number that the text is."""
        return _converted(self, value, param, ctx, whole=True)


class Number(FloatParamType):
    """A finite number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number that the text is."""
        return _converted(self, value, param, ctx)


class WholeNumberInRange(IntRange):
    """A whole number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number that the text is."""
        return super().convert(_converted(self, value, param, ctx, whole=True), param, ctx)


class NumberInRange(FloatRange):
    """A finite number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number that the text is."""
        return super().convert(_converted(self, value, param, ctx), param, ctx)


def read_numbers_alike(command: click.Command) -> click.Command:
    """The same command, all of whose options and arguments, and those of the commands in it, read numbers in this way."""
    for parameter in command.params:
        kind = parameter.type
        if type(kind) is IntParamType:
            parameter.type = WholeNumber()
        elif type(kind) is FloatParamType:
            parameter.type = Number()
        elif type(kind) is IntRange:
            parameter.type = WholeNumberInRange(kind.min, kind.max, kind.min_open, kind.max_open, kind.clamp)
        elif type(kind) is FloatRange:
            parameter.type = NumberInRange(kind.min, kind.max, kind.min_open, kind.max_open, kind.clamp)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            read_numbers_alike(inner)
    return command


def _converted(
    kind: Any, value: Any, param: click.Parameter | None, ctx: click.Context | None, *, whole: bool = False
) -> Any:
    if not isinstance(value, str):  # a default
        return value
    number = number_of(value)
    if number is None or (whole and not isinstance(number, int)):
        kind.fail(f"{value!r} is not a valid {'integer; write 1000' if whole else 'float; write 0.25'}", param, ctx)
    return number if whole or number is None else float(number)
