"""Changes between two scenarios, or planned for one: each as something that can be made or left out."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from cpalab.refusal import Problem, ScenarioError
from experiments.comparison.explain.causes import is_real, name_of
from experiments.comparison.explain.dated_changes import Change, Changes, Tables, copied, set_places, told_apart
from simulator.scenario.schema import Scenario

# Both worlds must hold the same people and sessions; names for people are no change.
LAID_DOWN = ("run", "calendar", "market.people", "population.sessions_per_day", "population.segments")
UNSAID = ("title", "description")
Place = tuple[str, ...]


class Planned(Protocol):
    """A planned change, as `cpalab rollout` takes it."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def set(self) -> Mapping[str, Any]:
        """New values by dotted place."""

    @property
    def real(self) -> bool:
        """Whether it changes what happens."""

    @property
    def delivery(self) -> Mapping[str, Any]:
        """What it does to the delivery of ads, as changes of the world."""


def planned_changes(scenario: Scenario, planned: Iterable[Planned], title: str = "") -> Changes:
    """The changes of a plan; what one does to delivery is a real change of its own."""
    found = []
    for own in planned:
        found.append(Change(own.name, own.real, set_places(own.set)))
        if own.delivery:
            found.append(Change(f"delivery of {own.name}", True, set_places(own.delivery)))
    return Changes(scenario.model_dump(), told_apart(found), title or scenario.title)


def differences(before: Scenario, after: Scenario) -> Changes:
    """What leads from one scenario to another: places that differ, those with the same cause and owner as one change.

    Raises:
        ScenarioError: they differ in nothing, or in who lives in the market and when; all problems at once.
    """
    old, new = before.model_dump(), after.model_dump()
    old["timeline"] = [copied(entry.model_dump()) for entry in before.timeline if not entry.author]
    places = [place for place in _different(old, new, ()) if place[0] not in UNSAID and place != ("timeline",)]
    fixed = [place for place in places if _is_laid_down(".".join(place))]
    if fixed:
        rule, hint = "differs, and both worlds must hold the same people and sessions", "make it the same in both"
        shown = [(".".join(p), f"{_at(old, p)} and {_at(new, p)}") for p in fixed]
        raise ScenarioError([Problem(place, rule, value, hint) for place, value in shown])
    groups: dict[tuple[str, bool], list[Place]] = {}
    for place in places:
        dotted = ".".join(place)
        groups.setdefault((name_of([dotted]), is_real(dotted)), []).append(place)
    found = [
        Change(name, real, _copying(own, new)) for (name, real), own in groups.items()
    ]  # fmt: skip
    found += _entries(before, after)
    if not found:
        raise ScenarioError([Problem("scenarios", "differ in nothing", after.title, "change a value in one of them")])
    return Changes(
        old, told_apart(found), f"{before.title} → {after.title}" if before.title != after.title else after.title
    )


def _different(old: Any, new: Any, place: Place) -> list[Place]:
    """The places at which two tables differ: the deepest that both have; lists differ as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = dict.fromkeys((*old, *new))
        return [found for key in keys for found in _inside(old, new, (*place, key))]
    return [] if old == new else [place]


def _inside(old: dict[str, Any], new: dict[str, Any], place: Place) -> list[Place]:
    key = place[-1]
    return _different(old[key], new[key], place) if key in old and key in new else [place]


def _is_laid_down(place: str) -> bool:
    return any(place == own or place.startswith(f"{own}.") for own in LAID_DOWN)


def _at(tables: Any, place: Place) -> Any:
    for key in place:
        tables = tables.get(key) if isinstance(tables, dict) else None
    return tables


def _copying(places: Iterable[Place], new: Tables) -> Any:
    """Makes these places what they are in another scenario's tables, new names and missing ones included."""
    chosen = list(places)

    def make(tables: Tables) -> None:
        for place in chosen:
            here: Any = tables
            for key in place[:-1]:
                here = here[key]
            source = _at(new, place[:-1])
            if place[-1] not in source:
                del here[place[-1]]
            elif place[-1] in here:
                here[place[-1]] = copied(source[place[-1]])
            else:  # a new name, where it stands in the other scenario: the order of channels is part of one
                with_it = here | {place[-1]: copied(source[place[-1]])}
                here.clear()
                here.update({key: with_it[key] for key in (*source, *with_it) if key in with_it})

    return make


def _entries(before: Scenario, after: Scenario) -> list[Change]:
    """Entries of the timeline that only one of them has."""
    old, new = ([copied(entry.model_dump()) for entry in own.timeline if not entry.author] for own in (before, after))
    found = []
    for entry in old + new:
        if (entry in old) == (entry in new):
            continue
        named = entry["note"] or name_of(entry["set"])
        real = any(map(is_real, entry["set"]))
        if entry in new:
            found.append(Change(named, real, lambda t, own=entry: t["timeline"].append(copied(own)), entry["day"]))  # type: ignore[misc]  # a default binds it
        else:
            found.append(Change(f"no more {named}", real, lambda t, own=entry: t["timeline"].remove(own), entry["day"]))  # type: ignore[misc]  # likewise
    return found
