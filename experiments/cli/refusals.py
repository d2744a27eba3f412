"""A refusal in the words of the command line: an argument of the library becomes the option that was typed."""

import re
from collections.abc import Iterable, Sequence

import click

__all__ = ["as_typed", "command_of"]


def command_of(group: click.Command, words: Sequence[str]) -> click.Command:
    """The command that these words of the command line call: the innermost one that they name."""
    command, context = group, click.Context(group)
    for word in words:
        if not isinstance(command, click.Group) or word not in command.list_commands(context):
            break
        command = command.get_command(context, word) or command
    return command


def as_typed(problem: str, command: click.Command) -> str:
    """`treated_share: 2 must …; give outcome_sd` as `--treated-share: 2 must …; give --sd`.

    Every option bears the name of the argument it is passed as (its `dest`, perhaps in the plural), or is called like it, so
    no table of names is needed; options that are passed to nothing take no part. Places that are no option (columns, files,
    paths of a scenario) stay as they are.
    """
    flags = {
        parameter.name: max(parameter.opts, key=len)
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.name and parameter.expose_value
    }
    called = {flag.lstrip("-").replace("-", "_"): flag for flag in flags.values()}
    options = called | {name.removesuffix("s"): flag for name, flag in flags.items()} | flags
    place, colon, rest = problem.partition(":")
    if not colon:
        return problem
    return ", ".join(_flags(place.split(", "), options)) + colon + _hint(rest, options)


def _flags(names: Iterable[str], options: dict[str, str]) -> list[str]:
    return [options.get(name, name) for name in names]


def _hint(text: str, options: dict[str, str]) -> str:
    """Arguments within a sentence: `method='welch'` as `--method welch`, names of several words, names in backquotes."""

    def typed(found: re.Match[str]) -> str:
        name, value = found["name"], found["value"]
        if name not in options or (value is None and "_" not in name):
            return found[0]
        return options[name] if value is None else f"{options[name]} {value}"

    text = re.sub(r"`(\w+)`", lambda found: options.get(found[1], found[0]), text)
    return re.sub(r"(?<![\w.-])(?P<name>[a-z][a-z_]*)(?:='(?P<value>\w*)')?(?!\w)", typed, text).replace(
        "math.inf", "inf"
    )
