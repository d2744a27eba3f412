"""Worlds made by blocks in the folder of their result: what is being made there, and going on with it after a kill."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cpalab.refusal import Problem, ScenarioError
from cpalab.whole_output import MANIFEST, RESUMABLE, durable, left_by_the_dead, whole_folder
from experiments.cli.options import chosen_scenario, scenario_changes
from experiments.cli.progress import Report
from simulator.scenario.loading import load_scenario
from simulator.scenario.schema import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from experiments.truth.effects import Estimand, Truth
    from simulator.by_blocks import EventsKept, Memory
    from simulator.world import World

# What is in a folder for the making only, in the order in which it comes.
WORKING = (RESUMABLE, "market", "twins", "log", "lives")
EVENTS = ("all", "orders", "sample", "none")


@dataclass(frozen=True)
class Making:
    """What a run makes, as far as its result depends on it.

    Attributes:
        command: run or simulate.
        scenario: what is assumed.
        events: which events are kept.
        options: whatever else the result depends on, as the command line said it.
    """

    command: str
    scenario: Scenario
    events: "EventsKept" = "all"
    options: Mapping[str, Any] = field(default_factory=dict)

    def entries(self) -> dict[str, Any]:
        """All of it, and by what it is made, as plain values."""
        from simulator.storage import made_by

        return {
            "command": self.command,
            "engine": "cohort",
            **made_by(),
            "events": self.events,
            **self.options,
            "scenario": self.scenario.model_dump(exclude_defaults=False),
        }

    def checked(
        self, scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...]
    ) -> Scenario:
        """The scenario, where the command line names none, or the same.

        Raises:
            ScenarioError: what differs.
        """
        changed = scenario_changes(users, days, seed, overrides)
        now = self.scenario
        if is_typed("scenario"):
            now = chosen_scenario(scenario, users, days, seed, overrides)
        elif changed:
            now = load_scenario(self.scenario.model_dump(), changed)
        refuse_differences(self.scenario.model_dump(), now.model_dump())
        return self.scenario


@dataclass(frozen=True)
class Blocks:
    """How a world is made by blocks.

    Attributes:
        making: what is made.
        memory: how much of it may be taken.
        resume: whether a killed run goes on.
    """

    making: Making
    memory: "Memory"
    resume: bool = False

    @contextmanager
    def folder(self, target: Path, *, force: bool) -> Iterator[Path]:
        """The folder in which it is made; what is there for the making only is gone when it becomes the result."""
        with whole_folder(target, force=force, resume=self.resume) as folder:
            if not self.resume:
                with durable(folder / RESUMABLE) as path:
                    path.write_text(json.dumps(self.making.entries()), encoding="utf-8")
            yield folder
            _clear_away(folder)

    def world_and_truth(
        self, folder: Path, estimands: "Sequence[Estimand]", threads: int, report: Report
    ) -> "tuple[World, Truth]":
        """The world, lived beside its twins, and the truth about it."""
        from experiments.truth.effects import measure_truth
        from experiments.truth.lived_twins import live_with_twins

        world = self._settled(folder, threads, report)
        log = folder / ("events" if self.making.events == "all" else "log")
        events, lived = live_with_twins(
            world, folder, log, estimands,
            memory=self.memory, threads=threads, progress=lambda share: report("lives", share),
        )  # fmt: skip
        if self.memory.holds(events, world.users.num_rows):
            events.load()
        world = replace(world, events=events)
        return world, measure_truth(world, estimands=estimands, lived=lived, threads=threads)

    def world(self, folder: Path, threads: int, report: Report) -> "World":
        """The world, of whose events only those that are kept are written."""
        from simulator.by_blocks import live, reduction

        world = self._settled(folder, threads, report)
        events = live(
            world, folder / "events", folder / "twins",
            threads=threads, reduced=reduction(self.making.events), progress=lambda share: report("lives", share),
        )  # fmt: skip
        return replace(world, events=events)

    def _settled(self, folder: Path, threads: int, report: Report) -> "World":
        from simulator.by_blocks import settle
        from simulator.engines.replacement import check_parameters, kernels_of
        from simulator.playing import Workroom

        scenario = self.making.scenario
        kernels = kernels_of(scenario)
        check_parameters(scenario, kernels)
        market = folder / "market" / "world"
        market.mkdir(parents=True, exist_ok=True)
        room = Workroom(market, self.memory.maps_people(scenario))
        return settle(scenario, kernels, room, threads=threads, progress=lambda share: report("market", share))


def block_options(command: "Callable[..., Any]") -> "Callable[..., Any]":
    """How a world is made by blocks: --memory, --events, --resume."""
    for decorate in reversed(
        [
            click.option("--memory", metavar="SIZE", help="Take about this much memory at most (4GB); what does not fit is "
                         "kept in files. Needs --out; the same results."),
            click.option("--events", type=click.Choice(EVENTS), default="all", show_default=True,
                         help="Which events DIR keeps: all, those of orders, those of one person in a hundred, or none."),
            click.option("--resume", type=click.Path(path_type=Path), metavar="DIR",
                         help="Go on with a run that was killed while it made DIR; it ends with the same bytes."),
        ]
    ):  # fmt: skip
        command = decorate(command)
    return command


def is_typed(option: str) -> bool:
    """Whether an argument of the command that runs was given."""
    names = {"by": "dimensions"}
    source = click.get_current_context().get_parameter_source(names.get(option, option))
    return source is click.core.ParameterSource.COMMANDLINE


def check_options(
    memory: str | None, events: "EventsKept", out: Path | None, engine: str, scenario: Scenario, threads: int
) -> "Memory":
    """The bounds of memory, where these options agree with one another and with the scenario.

    Raises:
        ScenarioError: every problem.
    """
    from simulator.by_blocks import Memory

    problems = [
        Problem(option, "needs --out, a folder for what is not kept in memory", value)
        for option, value in {"--memory": memory, "--events": None if events == "all" else events}.items()
        if value is not None and out is None
    ]
    if memory is not None and engine != "cohort":
        problems.append(Problem("--memory", "is for blocks of people", f"--engine {engine}", "use --engine cohort"))
    if memory is not None and scenario.processes:
        rule = "is for markets in which no processes act: they read what the systems record, in memory"
        problems.append(Problem("--memory", rule, memory, f"leave it away, or {', '.join(scenario.processes)}"))
    bounds = Memory()
    try:
        bounds = Memory() if memory is None else Memory.of(memory)
        bounds.check(scenario, threads)
    except ScenarioError as error:
        problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return bounds


def resumed(command: str, target: Path, out: Path | None, asked: Mapping[str, Any]) -> Making:
    """What a killed run goes on making, where the options given are those that it began with.

    Args:
        command: run or simulate.
        target: what --resume names.
        out: what --out names.
        asked: the options that the result depends on, those that were given.

    Raises:
        OutputError: there is nothing to go on with.
        ScenarioError: what differs: an option, or a version.
    """
    from simulator.scenario.rules.validation import validate
    from simulator.storage import made_by

    if out is not None and out.resolve() != target.resolve():
        raise ScenarioError([Problem("--out", f"must be what --resume names, {target}", str(out), "leave --out away")])
    folder = left_by_the_dead(target)
    made = not (folder / RESUMABLE).is_file()
    entries = json.loads((folder / (MANIFEST if made else RESUMABLE)).read_text(encoding="utf-8"))
    if not made:
        refuse_differences(entries, {**entries, **made_by(), "command": command, **asked})
    defaults = {"by": (), "models": (), "judge": None, "seeds": None}
    options = {name: entries.get(name, default) for name, default in defaults.items()}
    return Making(command, validate(entries["scenario"]), entries.get("events", "all"), options)


def refuse_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with a run that was begun otherwise.

    Raises:
        ScenarioError: each difference, as it was and as it is.
    """
    was, is_now = _flat(then), _flat(now)
    missing = "nothing"
    problems = [
        Problem(
            place,
            f"is not what the run began with: {was.get(place, missing)!r}",
            repr(is_now.get(place, missing)),
            "leave it as it was, or begin anew without --resume",
        )
        for place in dict.fromkeys([*was, *is_now])
        if was.get(place, missing) != is_now.get(place, missing)
    ]
    if problems:
        raise ScenarioError(problems)


def is_made(folder: Path) -> bool:
    """Whether everything is written, and was only not put in its place."""
    return (folder / MANIFEST).is_file()


def finish(
    folder: Path,
    scenario: Scenario,
    kept: "EventsKept",
    extra: Mapping[str, Any] | None = None,
    *,
    reduced: bool = False,
) -> None:
    """Keep the events that are to be kept, where the log is not `reduced` already, and write the manifest."""
    from simulator.storage import EVENTS_KEPT, write_manifest

    if not reduced:
        _reduce_log(folder, kept)
    entry = {} if kept == "all" else {EVENTS_KEPT: kept}
    write_manifest(folder, scenario, {**(extra or {}), **entry}, without=WORKING)


def _reduce_log(folder: Path, kept: "EventsKept") -> None:
    import pyarrow.parquet as pq

    from simulator.by_blocks import reduction
    from simulator.lives import RowGroups

    reduced = reduction(kept)
    if reduced is None:
        return
    log = folder / "log" if (folder / "log").is_dir() else folder / "events"
    (folder / "events").mkdir(exist_ok=True)
    for part in sorted(log.glob("part-*.parquet")):
        with durable(folder / "events" / part.name) as path, RowGroups(path) as rows, pq.ParquetFile(part) as file:
            for group in range(file.num_row_groups):
                rows.write(reduced(file.read_row_group(group)))


def _clear_away(folder: Path) -> None:
    """Remove what is for the making only, what says so last: until then a killed run is known by it."""
    for name in reversed(WORKING):
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _flat(tables: Any, place: str = "") -> dict[str, Any]:
    """Dotted path → value."""
    if isinstance(tables, Mapping) and tables:
        return {
            path: value
            for name, inner in tables.items()
            for path, value in _flat(inner, f"{place}.{name}" if place else str(name)).items()
        }
    return {place: tables}
