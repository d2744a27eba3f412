"""The market a command is about: a scenario to simulate, or the folder of a world that has been simulated already."""

from pathlib import Path
from typing import TYPE_CHECKING

from cpalab.refusal import Problem, ScenarioError
from experiments.cli.options import chosen_scenario
from experiments.cli.progress import Report
from simulator.scenario.loading import literature, parse_overrides, presets
from simulator.scenario.schema import Scenario

if TYPE_CHECKING:
    from simulator.playing import EngineName
    from simulator.world import World


def chosen_market(
    source: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...], *,
    out: Path | None = None, replays_tracking: bool = False, processes: tuple[str, ...] = (),
) -> "tuple[Scenario, World | None]":  # fmt: skip
    """The scenario that the options describe, or that of a finished world in the folder `source`, and that world.

    Args:
        source: name of a scenario, TOML file, or folder of a finished world.
        users, days, seed, overrides: change a scenario; a world has happened, and cannot be changed.
        out: where results go: not into the folder that is read.
        processes: what acts in a scenario's market.
        replays_tracking: what the command does with a world depends on its tracking, and `--set tracking.…` may change it.

    Raises:
        ScenarioError: with every problem.
        OutputError: the folder is no finished world.
    """
    folder = Path(source)
    if source in presets() | literature() or not folder.is_dir():
        return chosen_scenario(source, users, days, seed, overrides, processes), None
    from simulator.by_blocks import Memory
    from simulator.storage import read_world

    given = {"--users": users, "--days": days, "--seed": seed}
    rule, hint = "cannot change a world that has happened", "simulate another: cpalab simulate SCENARIO --out DIR"
    problems = [Problem(option, rule, str(value), hint) for option, value in given.items() if value is not None]
    problems += [Problem("--process", rule, written, hint) for written in processes]
    changed = parse_overrides(overrides)
    if not replays_tracking:
        problems += [Problem(f"--set {path}", rule, str(value), hint) for path, value in changed.items()]
    elif strangers := [path for path in changed if path.partition(".")[0] != "tracking"]:
        said = "only tracking can be replayed on a world that has happened"
        problems += [Problem(f"--set {path}", said, str(changed[path]), hint) for path in strangers]
    if out is not None and out.resolve() == folder.resolve():
        problems.append(Problem("--out", "is the folder that is read", str(out), "choose another folder"))
    if problems:
        raise ScenarioError(problems)
    world = read_world(folder)
    log = vars(world)["events"]
    if Memory().holds(log, world.users.num_rows):
        log.load()
    if changed:
        from simulator.scenario.loading import load_scenario

        world = world.with_scenario(load_scenario(world.scenario.model_dump(), changed))
    return world.scenario, world


def world_of(scenario: Scenario, stored: "World | None", engine: "EngineName", threads: int, report: Report) -> "World":
    """The stored world, or that of the scenario, simulated now."""
    if stored is not None:
        return stored
    from simulator.world import simulate

    return simulate(scenario, engine=engine, threads=threads, progress=lambda share: report("simulate", share))
