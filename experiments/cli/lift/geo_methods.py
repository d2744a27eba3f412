"""Geo methods on the command line: which one is meant, with which parameters, and the list of all."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from experiments.cli.lift.lift_tables import read_table
from experiments.cli.plugin_lists import listing_option

if TYPE_CHECKING:
    from experiments.lift.geo.method import GeoMethod

__all__ = ["chosen_geo_method", "geo_method_option"]

Command = TypeVar("Command", bound=Callable[..., Any])

PARAMETERS = """
Parameters stand in brackets, here with their defaults; those not named keep theirs. Quotes keep the shell from reading the
brackets: --method 'tbr(errors="block_conformal")'. Your own: --method mine:MyMethod or --method ./mine.py:MyMethod."""

# Option → the fields that it sets, of a method that has one of them, and a method that has it.
OPTIONS = {
    "--inference": (("inference", "errors"), "; name a method that has it, such as tbr"),
    "--scaling": (("scaling",), "; use did or a synthetic control"),
    "--no-intercept": (("intercept",), "; use a synthetic control"),
    "--penalty": (("penalty",), "; use augmented_synthetic_control"),
    "--season-days": (("season_days",), "; use structural"),
    "--pairs": (("pairs",), "; use trimmed_match"),
}


def geo_method_option(command: Command) -> Command:
    """--method, with parameters in brackets, and --methods, which lists them."""
    listing = listing_option(
        "--methods", "List the methods with their parameters.", "experiments.lift.geo.method:GEO_METHODS", PARAMETERS
    )
    option = click.option(
        "--method", default="auto", show_default=True, metavar="METHOD",
        help="Estimator: auto (chosen by design and past, and said which), tbr, gbr, did, synthetic_control, "
        "augmented_synthetic_control, synthetic_did, trimmed_match, structural; with parameters, "
        " 'tbr(errors=\"independent\")'; or module:Class, FILE.py:Class. --methods lists all.",
    )  # fmt: skip
    return option(listing(command))


def chosen_geo_method(
    written: str,
    inference: str | None = None,
    season_days: int | None = None,
    pairs: Path | None = None,
    *,
    scaling: str | None = None,
    intercept: bool | None = None,
    penalty: float | None = None,
) -> "GeoMethod":
    """The method, with the parameters that options of their own have set.

    Raises:
        LiftInputError: there is none of this name, or it does not know these options; all problems at once.
    """
    from dataclasses import replace

    from cpalab.refusal import LiftInputError, Problem, refuse
    from experiments.lift.geo.method import find_geo_method

    method = find_geo_method(written)
    known: list[str] = [field.name for field in fields(method)] if is_dataclass(method) else []
    problems: list[Problem | str] = []
    given: dict[str, Any] = {}
    option_of: dict[str, str] = {}
    for option, value in (
        ("--inference", inference),
        ("--season-days", season_days),
        ("--pairs", pairs),
        ("--scaling", scaling),
        ("--no-intercept", intercept),
        ("--penalty", penalty),
    ):
        if value is None:
            continue
        names, hint = OPTIONS[option]
        name = next((name for name in names if name in known), None)
        if name is None:
            shown = "" if isinstance(value, bool) else f"{value} "
            problems.append(f"{option}: {shown}must not be given with {written}{hint}")
        else:
            given[name], option_of[f"{method.name}.{name}"] = value, option
    refuse(problems)
    if pairs is not None:
        given["pairs"] = tuple(_pairs(pairs))
    try:
        return find_geo_method(method, **given)
    except LiftInputError as error:
        raise LiftInputError(
            [replace(found, place=option_of.get(found.place, found.place)) for found in error.problems]
        ) from None


def _pairs(file: Path) -> list[tuple[str, str]]:
    from cpalab.refusal import LiftInputError

    table = read_table(file)
    missing = [name for name in ("geo", "pair") if name not in table.columns]
    if missing:
        raise LiftInputError(
            [f"{file}: column {name} is required; it has {', '.join(table.columns)}" for name in missing]
        )
    nameless = int(table[["geo", "pair"]].isna().any(axis=1).sum())
    if nameless:
        raise LiftInputError([f"{file}: {nameless} rows without geo or pair must name both; leave out the rows"])
    pairs = [tuple(str(geo) for geo in rows["geo"]) for _, rows in table.groupby("pair", sort=True)]
    uneven = [", ".join(pair) for pair in pairs if len(pair) != 2]
    if uneven:
        raise LiftInputError([f"{file}: pairs must hold two geos each; found {uneven[0]}"])
    return [(pair[0], pair[1]) for pair in pairs]
