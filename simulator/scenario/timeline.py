"""The timeline: a scenario's dated changes, as one validated version of the scenario for each stretch between them."""

from dataclasses import dataclass
from itertools import groupby

from cpalab.refusal import Problem, ScenarioError
from simulator.scenario.dotted_places import set_value
from simulator.scenario.rules.validation import validate
from simulator.scenario.schema import Scenario

# Laid down once, before the first session, or said of the whole run: a change in the middle has no meaning. `*`: any name.
FIXED = (
    "title",
    "description",
    "run",
    "market",
    "calendar",
    "population",
    "timeline",
    "geo_tests",
    "law.steps",
    "need.season",
    "order.margin_share",
    "funnel.*.name",
    "surfaces.*.reach_share",
    "channels.*.surface",
    "channels.*.holdout",
    "channels.*.campaigns.*.creatives.*.launch_day",
    "invalid_traffic.robots_share",
    "invalid_traffic.sessions_per_day",
)


@dataclass(frozen=True)
class Version:
    """The scenario as it holds from `day` on, until the next version."""

    day: float
    scenario: Scenario
    note: str = ""


def versions(scenario: Scenario) -> tuple[Version, ...]:
    """The scenario as it starts (its warm-up included) and after each day of its timeline, in order of time.

    Raises:
        ScenarioError: a change names no place, a place that cannot change over time, or an impossible value.
    """
    result = [Version(0.0, scenario)]
    problems: list[Problem] = []
    entries = sorted(enumerate(scenario.timeline), key=lambda entry: entry[1].day)
    tables = scenario.model_dump()
    for day, group in groupby(entries, key=lambda entry: entry[1].day):
        notes = []
        for index, change in group:
            if change.note:
                notes.append(change.note)
            for path, value in change.set.items():
                place = f"timeline.{index}.set.{path}"
                problem = _fixed(path) or set_value(tables, path, value)
                if problem:
                    problems.append(Problem(place, problem.rule, problem.value, problem.hint))
        if problems:
            continue
        try:
            result.append(Version(day, validate(tables), "; ".join(notes)))
        except ScenarioError as error:
            problems += [Problem(f"timeline (day {day:g}): {p.place}", p.rule, p.value, p.hint) for p in error.problems]
    if problems:
        raise ScenarioError(problems)
    return tuple(result)


def _fixed(path: str) -> Problem | None:
    parts = path.split(".")
    for pattern in FIXED:
        fixed = pattern.split(".")
        if len(fixed) <= len(parts) and all(name in ("*", part) for name, part in zip(fixed, parts, strict=False)):
            return Problem(path, "cannot change over time", hint="it is laid down once, before the first session")
    return None
