"""Change files: what is about to change, as TOML, checked against a scenario before any work.

    title = "Server-side conversions"

    [[changes]]
    name = "server-side events"
    set = { "tracking.transport.server_coverage" = 0.95 }

    [[changes]]
    name = "broken template"
    fault = "partial_outage"     # a fault by name or code, see `cpalab faults`
    size = 0.5

A change of `kind = "tracking"` (the default) may set paths under `tracking.` only; one of `kind = "world"` changes
what happens, and the world is run again. `delivery` lists what a tracking change does to the delivery of ads, as
changes of the world; it counts with --with-delivery.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from cpalab.refusal import Problem, ScenarioError, did_you_mean
from simulator.scenario.dotted_places import set_value
from simulator.scenario.faults import find_fault, known_faults
from simulator.scenario.fields import Table
from simulator.scenario.rules.validation import problem_of, validate
from simulator.scenario.schema import Scenario
from simulator.scenario.timeline import versions

MOST_CHANGES = 6
LAID_DOWN = (
    "run",
    "population.sessions_per_day",
    "population.segments",
    "calendar",
    "tracking",
    "title",
    "description",
)
Value = bool | int | float | str | list[Any] | dict[str, Any]


class ChangeTable(Table):
    """One change as written."""

    name: str = ""
    kind: Literal["tracking", "world"] = "tracking"
    set: dict[str, Value] = {}
    fault: str | None = None
    size: float | None = None
    delivery: dict[str, Value] = {}


class ChangeFile(Table):
    """A change file as written."""

    title: str = ""
    description: str = ""
    changes: list[ChangeTable] = Field(min_length=1, max_length=MOST_CHANGES)


@dataclass(frozen=True)
class PlannedChange:
    """One change, checked.

    Attributes:
        name: for people.
        set: new values by dotted path.
        real: whether it changes the world, not only its record.
        delivery: what it does to the delivery of ads, as changes of the world.
    """

    name: str
    set: Mapping[str, Any]
    real: bool = False
    delivery: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """Everything that is about to change."""

    title: str
    changes: tuple[PlannedChange, ...]


def change_files() -> dict[str, Path]:
    """The change files that come with cpalab: name → TOML file."""
    installed = Path(str(resources.files("simulator"))) / "scenario" / "presets" / "changes"
    folder = installed if installed.is_dir() else Path(__file__).parents[2] / "data" / "scenarios" / "changes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_plan(source: str | Path | Mapping[str, Any], scenario: Scenario) -> Plan:
    """The plan in a change file, a mapping of the same shape, or one that comes with cpalab.

    Args:
        source: the path of a TOML file, the name of a plan that comes with cpalab, or a mapping.
        scenario: what the changes are changes of.

    Raises:
        ScenarioError: with every problem found, each as place, value, rule and hint.

    Example:
        >>> from cpalab import load_plan, load_scenario
        >>> change = {"name": "cleaned UTMs", "set": {"tracking.transport.utm_loss": 0.0}}
        >>> load_plan({"changes": [change]}, load_scenario("dropshipping")).changes[0].name
        'cleaned UTMs'
    """
    tables = _read(source) if isinstance(source, str | Path) else source
    try:
        written = ChangeFile.model_validate(tables)
    except ValidationError as error:
        raise ScenarioError(_in_our_words(details) for details in error.errors()) from None
    problems: list[Problem] = []
    changes = [_checked(number, change, scenario, problems) for number, change in enumerate(written.changes)]
    names = [change.name for change in changes]
    problems += [
        Problem("changes", "each change needs a name of its own", repr(n))
        for n in sorted(set(names))
        if names.count(n) > 1
    ]
    if problems:
        raise ScenarioError(problems)
    apply(scenario, changes)
    return Plan(written.title, tuple(changes))


def faults_in(source: str | Path | Mapping[str, Any]) -> list[tuple[str, float | None]]:
    """The faults that a change file names, with their sizes: what has a closed form and needs no scenario.

    Raises:
        ScenarioError: no change file, or a change that is no fault of the library; every problem at once.
    """
    tables = _read(source) if isinstance(source, str | Path) else source
    try:
        written = ChangeFile.model_validate(tables)
    except ValidationError as error:
        raise ScenarioError(_in_our_words(details) for details in error.errors()) from None
    problems = [
        Problem(
            f"changes.{number}", "has no closed form", hint="name a fault (cpalab faults), or simulate: cpalab rollout"
        )
        for number, change in enumerate(written.changes)
        if change.fault is None or change.set or change.delivery
    ]
    if problems:
        raise ScenarioError(problems)
    return [(str(change.fault), change.size) for change in written.changes]


def apply(scenario: Scenario, changes: Iterable[PlannedChange], *, delivery: Iterable[PlannedChange] = ()) -> Scenario:
    """The scenario with these changes, and with what these others do to delivery.

    Raises:
        ScenarioError: the scenario that results cannot be used.
    """
    tables = scenario.model_dump()
    problems = []
    for values in [*(change.set for change in changes), *(change.delivery for change in delivery)]:
        for path, value in values.items():
            problem = set_value(tables, path, value)
            problems += [problem] if problem else []
    if problems:
        raise ScenarioError(problems)
    changed = validate(tables)
    versions(changed)
    return changed


def _in_our_words(details: ErrorDetails) -> Problem:
    found = problem_of(details, lambda location: list((ChangeTable if location else ChangeFile).model_fields))
    if found.place == "changes":
        return Problem("changes", found.rule, found.value, "write one [[changes]] table for each change")
    return found


def _checked(number: int, written: ChangeTable, scenario: Scenario, problems: list[Problem]) -> PlannedChange:
    place = f"changes.{number}"
    values = dict(written.set)
    if written.fault is not None:
        fault = find_fault(written.fault)
        if fault is None:
            rule = "is no fault of the library"
            problems.append(Problem(f"{place}.fault", rule, repr(written.fault), known_faults(written.fault)))
        else:
            values[f"tracking.faults.{fault.name}"] = fault.usual if written.size is None else written.size
    elif written.size is not None:
        problems.append(Problem(f"{place}.size", "belongs to a fault", hint="name one with fault = …"))
    if not values and written.fault is None:
        problems.append(Problem(place, "changes nothing", hint="give set = { … } or fault = …"))
    tables = scenario.model_dump()
    for field_name, new, real in (("set", values, written.kind == "world"), ("delivery", written.delivery, True)):
        for path, value in new.items():
            problems += _path_problems(f"{place}.{field_name}", path, value, tables, real=real)
    return PlannedChange(written.name or _name_of(written), values, written.kind == "world", dict(written.delivery))


def _name_of(written: ChangeTable) -> str:
    """What to call a change without a name: its fault, or what it sets."""
    return written.fault or ", ".join(path.split(".")[-1] for path in written.set)


def _path_problems(place: str, path: str, value: Any, tables: dict[str, Any], *, real: bool) -> list[Problem]:
    """What is wrong with setting one path; sets it if nothing is."""
    problem = set_value(tables, path, value)
    if problem:
        within_tracking = set_value(tables, f"tracking.{path}", value) is None
        hint = f"did you mean tracking.{path}?" if within_tracking else problem.hint
        return [Problem(f"{place}.{problem.place}", problem.rule, problem.value, hint)]
    within = path == "tracking" or path.startswith("tracking.")
    if not real and not within:
        hint = 'say kind = "world" if it is meant to; then the world is run again'
        return [Problem(f"{place}.{path}", "changes what happens, in a change of tracking", hint=hint)]
    if real and any(path == prefix or path.startswith(f"{prefix}.") for prefix in LAID_DOWN):
        hint = "put it into a change of its own" if within else "both worlds must hold the same people and sessions"
        return [Problem(f"{place}.{path}", "cannot be part of a change of the world", hint=hint)]
    return []


def _read(source: str | Path) -> dict[str, Any]:
    known = change_files()
    path = known.get(str(source), Path(source))
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        rule = "no such file, and no change file of this name comes with cpalab"
        raise ScenarioError([Problem(str(source), rule, hint=did_you_mean(str(source), known))]) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError([Problem(str(source), f"is not a TOML file: {error}")]) from None
    except OSError as error:
        raise ScenarioError([Problem(str(source), f"cannot be read ({error.strerror})")]) from None
