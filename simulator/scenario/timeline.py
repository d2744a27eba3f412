"""The timeline: a scenario's dated changes, as one validated version of the scenario for each stretch between them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from cpalab.refusal import Problem, ScenarioError, did_you_mean
from simulator.scenario.dotted_places import set_value
from simulator.scenario.rules.validation import problem_of, validate
from simulator.scenario.schema import Holdout, Scenario

# Laid down once, before the first session, or said of the whole run: a change in the middle has no meaning. `*`: any name.
FIXED = (
    "title",
    "description",
    "run",
    "market",
    "calendar",
    "population",
    "processes",
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
# Of what is laid down, this is set by who begins a lift test from the shelf: all three at once, and once.
BEGUN = ("shelved", "start_day", "end_day")


@dataclass(frozen=True)
class Version:
    """The scenario as it holds from `day` on, until the next version."""

    day: float
    scenario: Scenario
    note: str = ""


def versions(scenario: Scenario) -> tuple[Version, ...]:
    """The scenario as it starts (its warm-up included) and after each day of its timeline, in order of time.

    Of one day, what processes changed comes after what the scenario assumes.

    Raises:
        ScenarioError: a change names no place, a place that cannot change over time, or an impossible value.
    """
    result = [Version(0.0, scenario)]
    problems: list[Problem] = []
    entries = sorted(enumerate(scenario.timeline), key=lambda entry: entry[1].day)
    current = scenario
    for day, group in groupby(entries, key=lambda entry: entry[1].day):
        changes = list(group)
        notes = "; ".join(change.note for _, change in changes if change.note)
        assumed = [(index, change) for index, change in changes if not change.author]
        tables = current.model_dump() if assumed else {}
        for index, change in assumed:
            for path, value in change.set.items():
                problem = _fixed(path) or set_value(tables, path, value)
                if problem:
                    place = f"timeline.{index}.set.{path}"
                    problems.append(Problem(place, problem.rule, problem.value, problem.hint))
        if problems:
            continue
        try:
            current = validate(tables) if assumed else current
            for _, change in changes:
                for path, value in change.set.items() if change.author else ():
                    current = with_change(current, path, value)
            result.append(Version(day, current, notes))
        except ScenarioError as error:
            problems += [Problem(f"timeline (day {day:g}): {p.place}", p.rule, p.value, p.hint) for p in error.problems]
    if problems:
        raise ScenarioError(problems)
    return tuple(result)


def with_change(scenario: Scenario, path: str, value: Any) -> Scenario:
    """The scenario with one value changed; only the table that holds it is checked, which takes microseconds.

    Raises:
        ScenarioError: there is no such place, it cannot change over time, or the value is impossible there.
    """
    parts = path.split(".")
    begins_test = len(parts) == 4 and parts[2] == "holdout" and parts[3] in BEGUN
    if not begins_test and (problem := _fixed(path)):
        raise ScenarioError([problem])
    return cast(Scenario, _changed(scenario, parts, value, ()))


def _changed(here: Any, parts: Sequence[str], value: Any, above: tuple[str, ...]) -> Any:
    part, place = parts[0], ".".join((*above, parts[0]))
    if isinstance(here, Mapping):
        if part not in here or len(parts) == 1:
            raise ScenarioError([Problem(place, "unknown key", hint=did_you_mean(part, here))])
        return {**here, part: _changed(here[part], parts[1:], value, (*above, part))}
    if not isinstance(here, BaseModel) or part not in type(here).model_fields:
        known = list(type(here).model_fields) if isinstance(here, BaseModel) else []
        raise ScenarioError([Problem(place, "unknown key", hint=did_you_mean(part, known))])
    if len(parts) > 1:
        return here.model_copy(update={part: _changed(getattr(here, part), parts[1:], value, (*above, part))})
    try:
        return type(here).model_validate({**dict(here), part: value})
    except ValidationError as error:
        found = [problem_of(details) for details in error.errors()]
        raise ScenarioError([replace(p, place=".".join((*above, p.place))) for p in found]) from None


def holdout_as_run(scenario: Scenario, channel: str) -> Holdout:
    """A channel's holdout with the days on which it ran: those that a process set where one began it."""
    begun = any(
        path.startswith(f"channels.{channel}.holdout.")
        for change in scenario.timeline
        if change.author
        for path in change.set
    )
    return (versions(scenario)[-1].scenario if begun else scenario).channels[channel].holdout


def without_acts(scenario: Scenario, authors: Collection[str]) -> Scenario:
    """The scenario without what these processes changed while the market ran."""
    kept = [change for change in scenario.timeline if not change.author or change.author not in authors]
    return scenario if len(kept) == len(scenario.timeline) else scenario.model_copy(update={"timeline": kept})


def _fixed(path: str) -> Problem | None:
    parts = path.split(".")
    for pattern in FIXED:
        fixed = pattern.split(".")
        if len(fixed) <= len(parts) and all(name in ("*", part) for name, part in zip(fixed, parts, strict=False)):
            return Problem(path, "cannot change over time", hint="it is laid down once, before the first session")
    return None
