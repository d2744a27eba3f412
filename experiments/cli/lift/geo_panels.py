"""The table of a geo test on the command line: which column, geos and dates of it take part."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from experiments.cli.lift.lift_tables import geos_in, read_table

if TYPE_CHECKING:
    import pandas as pd

    from experiments.lift.geo.panel import GeoPanel, MissingRows

__all__ = ["cells_in", "panel_options", "read_panel"]

Command = TypeVar("Command", bound=Callable[..., Any])


def panel_options(command: Command) -> Command:
    """--response, --exclude, --force-control, --skip, --covariates, --missing-rows and --cell."""
    for decorate in reversed(
        [
            click.option("--response", metavar="COLUMN", help="Column of the response, where several could be."),
            click.option("--exclude", multiple=True, metavar="GEO,…", help="Geos that take no part; may be repeated."),
            click.option("--force-control", multiple=True, metavar="GEO,…",
                         help="Geos that are control for certain: never noted for their cost, never chosen for treatment."),
            click.option("--skip", multiple=True, metavar="FROM..TO",
                         help="Dates that take no part: holidays, closures, earlier tests; may be repeated."),
            click.option("--covariates", multiple=True, metavar="COLUMN,…",
                         help="Columns by which geos differ and that ads do not move; synthetic controls match their means."),
            click.option("--missing-rows", type=click.Choice(["refuse", "zero"]), default="refuse", show_default=True,
                         help="What an absent row of a geo and date means."),
            click.option("--cell", "cells", multiple=True, metavar="NAME=GEO,…",
                         help="In place of --treated, several treatments, each a cell of geos, against the geos in none."),
        ]
    ):  # fmt: skip
        command = decorate(command)
    return command


def read_panel(
    file: Path,
    missing_rows: "MissingRows",
    response: str | None,
    exclude: tuple[str, ...],
    skip: tuple[str, ...],
    covariates: tuple[str, ...],
    *,
    with_cost: bool = True,
) -> "GeoPanel":
    """The panel of a file, without the geos and dates left out."""
    from cpalab.refusal import refuse
    from experiments.lift.columns import misspelt_columns
    from experiments.lift.geo.panel import geo_panel

    table = read_table(file)
    if with_cost:
        # A cost that is misspelt would be left out of the reading in silence.
        refuse(misspelt_columns(list(map(str, table.columns)), ("cost",), ("cost", response or "")))
    else:
        table = table.drop(columns="cost", errors="ignore")
    left_out = geos_in(exclude, _geo_names(table))
    return geo_panel(
        table,
        missing_rows=missing_rows,
        response=response,
        exclude=left_out,
        skip=skip,
        covariates=geos_in(covariates, list(map(str, table.columns))),
    )


def cells_in(cells: tuple[str, ...], geos: tuple[str, ...]) -> dict[str, list[str]]:
    """The geos of every cell, from NAME=GEO,GEO.

    Raises:
        LiftInputError: a cell without name or geos, or one named twice.
    """
    from cpalab.refusal import refuse

    found: dict[str, list[str]] = {}
    problems = []
    for text in cells:
        name, sign, named = text.partition("=")
        if not (sign and name.strip() and named.strip()):
            problems.append(f"--cell: {text} must be a name and its geos; write north=GEO,GEO")
        elif name.strip() in found:
            problems.append(f"--cell: {name.strip()} must be named once; list all of its geos there")
        else:
            found[name.strip()] = geos_in((named,), geos)
    if len(cells) == 1 and not problems:
        problems.append("--cell: one cell must have another beside it; for a single treatment use --treated")
    refuse(problems)
    return found


def _geo_names(table: "pd.DataFrame") -> list[str]:
    column = next((name for name in ("location", "geo") if name in table.columns), None)
    return [] if column is None else [str(name) for name in table[column].dropna().unique()]
