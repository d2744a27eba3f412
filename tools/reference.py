"""The Reference of the documentation, written from the code: Markdown of names, commands, keys, columns, formats, faults.

`python tools/reference.py FOLDER` writes them; `make docs` does so before it builds the site.
"""

import importlib
import inspect
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).parents[1]
PACKAGES = ("cpalab", "simulator", "attribution", "experiments", "experiments.lift")
CHANGE = 'title = "A banner"\n[[changes]]\nname = "banner"\nfault = "consent_banner"\nsize = 0.6\n'
# What is run to see which columns the files have: folder → words of the command; {in} is the folder of the run.
WRITERS = {
    "run": ["run", "--users", "3000", "--by", "device"],
    "record": ["record", "{in}/run"],
    "truth": ["truth", "{in}/run", "--by", "week", "--pulse", "video:3", "--curve", "video", "--at", ".5", "--seeds", "2"],
    "explain": ["explain", "dtc-apparel", "--users", "3000", "--change", "{in}/change.toml"],
    "rollout": ["rollout", "{in}/run", "--change", "{in}/change.toml", "--no-verify"],
    "lifttests": [
        "lifttests", "--users", "3000", "--channels", "video", "--designs", "ghost_ads", "--repeats", "1",
    ],
    "attribute": ["attribute", "{in}/touches.csv", "{in}/conversions.csv", "--model", "linear"],
}  # fmt: skip


def pages(*, files: bool = True) -> dict[str, str]:
    """Each page of the Reference as Markdown, by its file name; `files`: run the commands to see their columns."""
    found = {
        "python.md": python_names(),
        "commands.md": commands(),
        "scenario.md": scenario_keys(),
        "formats.md": plug_ins(),
        "faults.md": faults(),
    }
    if files:
        found["files.md"] = columns_of_files()
    order = "\n".join(name.removesuffix(".md") for name in found)
    found["index.md"] = f"# Reference\n\nWritten from the code.\n\n```{{toctree}}\n{order}\n```\n"
    return found


def fenced(text: str, language: str = "text") -> str:
    """A block that nothing in it can end."""
    return f"````{language}\n{text.rstrip()}\n````\n"


def cell(text: object) -> str:
    """Text that cannot end a cell of a table, or be taken for markup."""
    words = " ".join(str(text).split()).replace("|", "\\|")
    return words.replace("<", "&lt;").replace("*", "\\*").replace("[", "\\[").replace("$", "\\$").replace("{", "\\{")


# ------------------------------------------------------------------------------------------------- names


def python_names() -> str:
    """Every public name of every package: its call, and its docstring."""
    parts = ["# Python names\n\nWhat `import` offers, package by package.\n"]
    for package in PACKAGES:
        module = importlib.import_module(package)
        parts.append(f"## {package}\n")
        for name in module.__all__:
            thing = getattr(module, name)
            try:
                call = f"{name}{inspect.signature(thing)}"
            except (TypeError, ValueError):
                call = name
            parts += [f"### {package}.{name}\n", fenced(call), fenced(inspect.getdoc(thing) or "")]
    return "\n".join(parts)


# ---------------------------------------------------------------------------------------------- commands


def commands() -> str:
    """Every command and subcommand with its help and its options."""
    parts = ["# Commands\n"]
    for words, command in each_command():
        usage = " ".join(command.collect_usage_pieces(click.Context(command, info_name=words)))
        parts += [f"## {words}\n", fenced(f"{words} {usage}", "console"), fenced(inspect.cleandoc(command.help or ""))]
        rows = [
            f"| `{', '.join((*given.opts, *given.secondary_opts))}` | {cell(given.help or '')} | {default(given)} |"
            for given in command.params
            if isinstance(given, click.Option)
        ]
        if rows:
            parts += ["| option | what it does | default |\n|---|---|---|", *rows, ""]
    return "\n".join(parts)


def each_command() -> Iterator[tuple[str, click.Command]]:
    """All commands with the words that call them."""
    from experiments.cli.main import cli

    def below(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield words, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                if inner is not None:
                    yield from below(f"{words} {name}", inner)

    return below("cpalab", cli)


def default(parameter: click.Option) -> str:
    """The option's default in words; nothing where it has none, or where it is the machine's."""
    value = parameter.default
    machine = parameter.name == "threads"
    if machine or value is None or callable(value) or parameter.is_flag or parameter.multiple or "UNSET" in repr(value):
        return ""
    return f"`{value}`"


# -------------------------------------------------------------------------------------------------- keys


def scenario_keys() -> str:
    """Every table of a scenario file with its keys, types and defaults."""
    from simulator.scenario.schema import Scenario

    parts = ["# Scenario keys\n\nA scenario is one TOML file; `cpalab check` says what is wrong with one.\n"]
    for path, table in tables_of(Scenario):
        parts += [f"## {path or 'top level'}\n", fenced(inspect.getdoc(table) or "")]
        parts.append("| key | type | default |\n|---|---|---|")
        for name, field in table.model_fields.items():
            shown = "required" if field.is_required() else cell(repr(field.get_default(call_default_factory=True)))
            shown = shown if len(shown) < 120 else "see the tables below"
            parts.append(f"| `{name}` | {cell(type_in_words(field.annotation))} | {shown} |")
        parts.append("")
    return "\n".join(parts)


def tables_of(model: Any, path: str = "", seen: frozenset[Any] = frozenset()) -> Iterator[tuple[str, Any]]:
    """The model and every model within it, each with the path at which it stands."""
    yield path, model
    for name, field in model.model_fields.items():
        for inner, many in models_in(field.annotation):
            if inner not in seen:
                step = f"{path}.{name}" if path else name
                yield from tables_of(inner, f"{step}.NAME" if many else step, seen | {model, inner})


def models_in(annotation: Any, many: bool = False) -> Iterator[tuple[Any, bool]]:
    """The models that a type mentions, and whether they stand under names of their own."""
    if hasattr(annotation, "model_fields"):
        yield annotation, many
    origin = getattr(annotation, "__origin__", None)
    for inner in getattr(annotation, "__args__", ()):
        yield from models_in(inner, many or origin is dict)


def type_in_words(annotation: Any) -> str:
    """A type as one reads it, without modules and validators."""
    name = getattr(annotation, "__name__", "")
    if name and not getattr(annotation, "__args__", None):
        return str(name)
    if getattr(annotation, "__metadata__", None):
        return type_in_words(annotation.__origin__)
    inner = ", ".join(
        repr(each) if isinstance(each, str) else type_in_words(each) for each in getattr(annotation, "__args__", ())
    )
    outer = getattr(getattr(annotation, "__origin__", None), "__name__", "") or name or "one of"
    return f"{outer} of {inner}" if inner else outer


# ------------------------------------------------------------------------------- plug-ins, faults, columns


def plug_ins() -> str:
    """Models, formats, geo methods and designs: each as it is asked for, with what it computes."""
    from attribution.formats.registry import format_lines
    from attribution.model import MODELS
    from experiments.designs.registry import ALL_DESIGNS
    from experiments.lift.geo.method import GEO_METHODS

    parts = [
        "# Formats, models, geo methods and designs\n",
        "## Formats of `cpalab attribute`\n",
        fenced("\n".join(format_lines())),
    ]
    for heading, registry in (
        ("Attribution models", MODELS),
        ("Geo methods", GEO_METHODS),
        ("Lift-test designs", ALL_DESIGNS),
    ):
        parts += [f"## {heading}\n", "| as asked for | what it computes |\n|---|---|"]
        parts += [f"| `{cell(written)}` | {cell(line)} |" for written, line in registry.lines()]
        parts.append("")
    return "\n".join(parts)


def faults() -> str:
    """The faults of tracking with today's defaults."""
    from simulator.scenario.faults import FAULTS

    rows = [
        f"| {fault.code} | `{fault.name}` | {cell(fault.size)} | {fault.usual:g} | {fault.smallest:g} to {fault.largest:g} "
        f"| {cell(fault.formula)} | {cell(fault.signature)} |"
        for fault in FAULTS
    ]
    head = (
        "| code | name | size | usual | from, to | reported CPA | what gives it away |\n|---|---|---|---|---|---|---|"
    )
    return "\n".join(["# Faults of tracking\n", "With the defaults of this version.\n", head, *rows, ""])


def columns_of_files() -> str:
    """The columns of every table that the commands write, with what they hold.

    Raises:
        KeyError: docs/columns.toml does not say what some of them hold.
    """
    meanings = tomllib.loads((ROOT / "docs" / "columns.toml").read_text(encoding="utf-8"))
    parts = ["# Columns of every file\n\nMoney in currency units unless a name ends in `_micros`; times in days.\n"]
    unexplained = []
    for folder, name, columns in written_files():
        parts += [f"## {name} ({folder})\n", "| column | what it holds |\n|---|---|"]
        for column in columns:
            if (words := meaning(column, meanings)) is None:
                unexplained.append(f"{column} ({name})")
            parts.append(f"| `{column}` | {cell(words)} |")
        parts.append("")
    if unexplained:
        raise KeyError(
            f"docs/columns.toml does not say what these columns hold; add a line each: {', '.join(unexplained)}"
        )
    return "\n".join(parts)


def meaning(column: str, meanings: dict[str, Any]) -> str | None:
    """What a column holds; None where docs/columns.toml does not say."""
    if column in meanings:
        return str(meanings[column])
    for suffix, words in (
        ("_lower", "lower end of the interval"),
        ("_upper", "upper end of the interval"),
        ("_standard_error", "standard error"),
    ):
        if column.removesuffix(suffix) in meanings and column.endswith(suffix):
            return f"{words} of {column.removesuffix(suffix)}"
    for pattern, words in meanings["patterns"].items():
        if column.startswith(pattern.rstrip("ACDEGHILMNOPRSTUVW")):
            return str(words)
    return None


def written_files() -> Iterator[tuple[str, str, list[str]]]:
    """Folder, file and columns of everything that the commands write as tables, seen by running them on small worlds."""
    import pandas as pd
    import pyarrow.parquet as pq

    from experiments.cli.main import cli

    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        (here / "change.toml").write_text(CHANGE)
        (here / "touches.csv").write_text("user_id,time,channel\na,1,search\na,2,email\nb,1,search\n")
        (here / "conversions.csv").write_text("user_id,time,value\na,3,10\n")
        for folder, words in WRITERS.items():
            typed = [word.replace("{in}", place) for word in words]
            cli.main([*typed, "--out", str(here / folder), "--quiet"], standalone_mode=False)
            written = (path for path in sorted((here / folder).rglob("*")) if path.suffix in (".csv", ".parquet"))
            for path in written:
                names = pd.read_csv(path, nrows=1).columns if path.suffix == ".csv" else pq.read_schema(path).names
                shown = path.relative_to(here / folder)
                yield f"cpalab {words[0]}", str(shown.parent if shown.parent.name else shown), [*map(str, names)]


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (target / name).write_text(text, encoding="utf-8")
