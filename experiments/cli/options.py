"""Options that several commands share, and what they mean for a scenario."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from cpalab.refusal import ScenarioError
from experiments.cli.plugin_lists import PROCESS_PARAMETERS, listing_option
from simulator.scenario.loading import DEFAULT_PRESET, load_scenario, parse_overrides
from simulator.scenario.schema import Process, Scenario

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


seeds_option = click.option(
    "--seeds",
    type=int,
    metavar="N",
    help="Also the truth in N markets, of this seed and the next ones, with its intervals.",
)


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


def process_option(command: Command) -> Command:
    """What acts in the market while it runs: --process, and --processes, which lists those that come with cpalab."""
    command = listing_option(
        "--processes",
        "List the processes that come with cpalab, with their parameters.",
        "simulator.market.processes.registry:PROCESSES",
        PROCESS_PARAMETERS,
    )(command)
    return click.option(
        "--process",
        "processes",
        multiple=True,
        metavar="PROCESS",
        help="What acts in the market while it runs: a name with its parameters (see --processes), module:Name or "
        "FILE.py:Name. May be repeated.",
    )(command)


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
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    processes: tuple[str, ...] = (),
) -> Scenario:  # fmt: skip
    """The scenario that these options describe, with the processes that act in it.

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
        return with_processes(load_scenario(scenario, given), processes)
    except ScenarioError as error:
        raise ScenarioError([replace(found, place=_as_typed(found.place, typed)) for found in error.problems]) from None


def with_processes(scenario: Scenario, written: tuple[str, ...]) -> Scenario:
    """The scenario with these processes declared in it, each under the name of its function or class.

    Raises:
        ScenarioError: one of them cannot be found, or does not take its parameters.
    """
    if not written:
        return scenario
    from simulator.market.processes.registry import processes_of

    declared = dict(scenario.processes)
    for text in written:
        place = re.sub(r"^([^(]*\.py):", lambda file: f"{Path(file[1]).expanduser().resolve()}:", text)
        plain = place.partition("(")[0] if ":" not in place else place.rpartition(":")[2].partition("(")[0]
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower()
        name = re.sub(r"[^a-z0-9_]+", "_", words).strip("_")[:36] or "process"
        name = name if name[0].isalpha() else f"process_{name}"
        own = next(word for word in (name, *(f"{name}_{n}" for n in range(2, 99))) if word not in declared)
        declared[own] = Process(use=place)
    changed = scenario.model_copy(update={"processes": declared})
    processes_of(changed)
    return changed


def _as_typed(place: str, typed: dict[str, str]) -> str:
    """The place after the option that set it, or what it lies in, or a part of it; the place itself where none did."""
    for path, option in typed.items():
        if f"{path}.".startswith(f"{place}.") or f"{place}.".startswith(f"{path}."):
            return f"--set {place}" if option == "--set" else option
    return place
