"""Options that several commands share, and what they mean for a scenario."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from cpalab.refusal import ScenarioError
from simulator.scenario.loading import DEFAULT_PRESET, load_scenario, parse_overrides
from simulator.scenario.schema import Scenario

Command = TypeVar("Command", bound=Callable[..., Any])


level_option = click.option("--level", type=float, default=0.95, show_default=True, help="Confidence level.")
power_option = click.option(
    "--power", type=float, default=0.80, show_default=True, help="Wanted probability of finding the lift."
)


def scenario_options(command: Command) -> Command:
    """SCENARIO and everything that changes it: --users, --days, --seed, --set."""
    for decorate in reversed(
        [
            click.argument("scenario", default=DEFAULT_PRESET),
            click.option("--users", type=int, help="People to simulate; budgets scale along."),
            click.option("--days", type=float, help="Days to simulate."),
            click.option("--seed", type=int, help="Seed of every random number."),
            click.option(
                "--set",
                "overrides",
                multiple=True,
                metavar="PATH=VALUE",
                help="Override any value of the scenario.",
            ),
        ]
    ):
        command = decorate(command)
    return command


def engine_options(command: Command) -> Command:
    """How to compute, which never changes the result: --engine, --threads."""
    for decorate in reversed(
        [
            click.option("--engine", type=click.Choice(["cohort", "agents"]), default="cohort", show_default=True,
                         help="Compiled blocks of people, or a SimPy process per person; the same results."),
            click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count() or 1,
                         help="Threads to use; the same results. Default: all cores."),
        ]
    ):  # fmt: skip
        command = decorate(command)
    return command


def output_options(command: Command) -> Command:
    """Where tables go: --out, --force."""
    for decorate in reversed(
        [
            click.option(
                "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for tables (CSV, JSON)."
            ),
            click.option("--force", is_flag=True, help="Replace earlier results in DIR."),
        ]
    ):
        command = decorate(command)
    return command


def talk_options(command: Command) -> Command:
    """How much to say: --quiet, --json."""
    for decorate in reversed(
        [
            click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors."),
            click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        ]
    ):
        command = decorate(command)
    return command


def scenario_changes(
    users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...]
) -> dict[str, Any]:
    """What these options change in a scenario, by dotted path; --users, --days and --seed after --set.

    Raises:
        ScenarioError: an override has no `=` or no path.
    """
    options = {"run.users": users, "run.days": days, "run.seed": seed}
    return parse_overrides(overrides) | {path: value for path, value in options.items() if value is not None}


def chosen_scenario(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...]
) -> Scenario:
    """The scenario that these options describe.

    Raises:
        ScenarioError: with every problem; what an option has set is called as it was typed.
    """
    given = scenario_changes(users, days, seed, overrides)
    typed = dict.fromkeys(given, "--set")
    for path, value, option in (
        ("run.users", users, "--users"),
        ("run.days", days, "--days"),
        ("run.seed", seed, "--seed"),
    ):
        if value is not None:
            typed[path] = option
    try:
        return load_scenario(scenario, given)
    except ScenarioError as error:
        raise ScenarioError([replace(found, place=_as_typed(found.place, typed)) for found in error.problems]) from None


def _as_typed(place: str, typed: dict[str, str]) -> str:
    """The place after the option that set it, or what it lies in, or a part of it; the place itself where none did."""
    for path, option in typed.items():
        if f"{path}.".startswith(f"{place}.") or f"{place}.".startswith(f"{path}."):
            return f"--set {place}" if option == "--set" else option
    return place
