"""Dated changes: everything that a scenario changes within its reported window, each of which can be left out (days).

A change stands on the timeline, or is a stretch of the season, the flight of a campaign, a creative that comes or goes, an
outage of tags. Whatever holds all the time, or changes in the warm-up alone, is the scenario itself.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cpalab.refusal import Problem, ScenarioError
from experiments.comparison.explain.causes import is_real, name_of
from experiments.comparison.verdict import words
from simulator.scenario.clock import Clock
from simulator.scenario.dotted_places import set_value
from simulator.scenario.rules.validation import validate
from simulator.scenario.schema import Scenario
from simulator.scenario.timeline import versions

NEVER = 36_500.0  # days
Tables = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One change that can be made or left out.

    Attributes:
        name: for people: the season, the bid of brand search, or a note of the scenario's own.
        real: whether it changes what happens; else only what is recorded of it.
        make: puts it into the complete tables of a scenario.
        day: from when on; None where it holds from the start.
    """

    name: str
    real: bool
    make: Callable[[Tables], None]
    day: float | None = None

    @property
    def kind(self) -> str:
        """`real` or `record`."""
        return "real" if self.real else "record"

    @property
    def dated(self) -> str:
        """Its name with its day: `the season (from day 14)`."""
        return self.name if self.day is None else f"{self.name} (from day {self.day:g})"


@dataclass(frozen=True)
class Changes:
    """What was before, and the changes that led to what is now.

    Attributes:
        before: the complete tables of the scenario without any of them.
        changes: in the order in which they are made.
        title: what they are, for people.
    """

    before: Mapping[str, Any]
    changes: tuple[Change, ...]
    title: str = ""

    def scenario(self, chosen: Iterable[int]) -> Scenario:
        """The scenario with these changes.

        Raises:
            ScenarioError: it cannot be used: these changes depend on others that are left out.
        """
        tables, chosen = copied(self.before), sorted(chosen)
        for i in chosen:
            self.changes[i].make(tables)
        try:
            scenario = validate(tables)
            versions(scenario)
        except ScenarioError as error:
            made = ", ".join(self.changes[i].name for i in chosen) or "none"
            rule = f"cannot be told apart: with {made} alone the scenario cannot be used ({error.problems[0].rule})"
            hint = "put what belongs together into one change"
            raise ScenarioError([Problem("changes", rule, error.problems[0].place, hint)]) from None
        return scenario

    def with_one_clock(self) -> "Changes":
        """The same, with warm-up and follow-up as long as the longer of before and after needs: both live the same days."""
        clocks = [Clock.of(self.scenario(chosen)) for chosen in ((), range(len(self.changes)))]
        tables = copied(self.before)
        tables["run"]["warm_up_days"] = max(-clock.start for clock in clocks)
        tables["run"]["follow_up_days"] = max(math.ceil(clock.follow_up_days) for clock in clocks)
        return replace(self, before=tables)


def copied(value: Any) -> Any:
    """Tables as tables of their own, down to the last list."""
    if isinstance(value, Mapping):
        return {key: copied(own) for key, own in value.items()}
    return [copied(own) for own in value] if isinstance(value, list | tuple) else value


def dated_changes(scenario: Scenario) -> Changes:
    """The changes that a scenario makes within its reported window, and what it would be without them.

    Raises:
        ScenarioError: there is none.
    """
    before: Tables = scenario.model_dump()
    touched = {path for entry in scenario.timeline for path in entry.set}
    found = [
        *_timeline(scenario, before),
        *_season(scenario, before),
        *_flights(scenario, before, touched),
        *_creatives(scenario, before, touched),
        *_outages(scenario, before, touched),
    ]
    if not found:
        rule = f"changes nothing within its {scenario.run.days:g} reported days"
        hint = "put dated changes on its [[timeline]], give --change FILE, or name a second scenario"
        raise ScenarioError([Problem("scenario", rule, scenario.title, hint)])
    return Changes(before, told_apart(sorted(found, key=lambda change: change.day or 0.0)), scenario.title)


def told_apart(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The changes with names of their own: those that share one are numbered."""
    names = [change.name for change in changes]
    seen: dict[str, int] = {}
    result = []
    for change in changes:
        seen[change.name] = number = seen.get(change.name, 0) + 1
        name = f"{change.name} ({number})" if names.count(change.name) > 1 else change.name
        result.append(Change(name, change.real, change.make, change.day))
    return tuple(result)


def _timeline(scenario: Scenario, before: Tables) -> list[Change]:
    """The entries of the timeline; one that changes both what happens and its record is two.

    What processes did while a stored world ran is no cause: they act again, on what they then see.
    """
    days, assumed = scenario.run.days, [entry for entry in scenario.timeline if not entry.author]
    before["timeline"] = [copied(entry.model_dump()) for entry in assumed if entry.day >= days]
    found = []
    for entry in assumed:
        if entry.day >= days:
            continue
        for real in (True, False):
            values = {path: value for path, value in entry.set.items() if is_real(path) is real}
            if values:
                both = len(values) < len(entry.set)
                name = f"{entry.note}: {name_of(values)}" if entry.note and both else entry.note or name_of(values)
                found.append(Change(name, real, _entered(entry.day, values, entry.note), entry.day))
    return found


def _entered(day: float, values: Mapping[str, Any], note: str) -> Callable[[Tables], None]:
    return lambda tables: tables["timeline"].append({"day": day, "set": dict(values), "note": note})


def _season(scenario: Scenario, before: Tables) -> list[Change]:
    """All stretches of the season that begin within the window, as one change."""
    stretches = [copied(own.model_dump()) for own in scenario.need.season]
    later = [own for own in stretches if 0 < own["day"] < scenario.run.days]
    if not later:
        return []
    before["need"]["season"] = [own for own in stretches if own not in later]
    return [Change("the season", True, set_places({"need.season": stretches}), min(own["day"] for own in later))]


def _flights(scenario: Scenario, before: Tables, touched: set[str]) -> list[Change]:
    """Campaigns that begin, or end, within the window."""
    days, found = scenario.run.days, []
    for place, channel, campaign_name, campaign in _campaigns(scenario):
        if any(path in touched for path in (f"{place}.start_day", f"{place}.end_day")):
            continue
        values = {f"{place}.start_day": campaign.start_day, f"{place}.end_day": campaign.end_day}
        begins = campaign.start_day is not None and 0 < campaign.start_day < days
        ends = campaign.end_day is not None and campaign.end_day < days
        if not begins and not ends:
            continue
        without = {f"{place}.end_day": None} | ({f"{place}.start_day": NEVER} if begins else {})
        set_places(without)(before)
        name = f"the flight of {words(channel).lower()} {campaign_name.replace('_', ' ')}"
        found.append(Change(name, True, set_places(values), campaign.start_day if begins else campaign.end_day))
    return found


def _creatives(scenario: Scenario, before: Tables, touched: set[str]) -> list[Change]:
    """Creatives that come or go within the window, those of a campaign as one change."""
    days, found = scenario.run.days, []
    for place, channel, _, campaign in _campaigns(scenario):
        now, without, when = {}, {}, []
        for name, creative in campaign.creatives.items():
            own = f"{place}.creatives.{name}"
            if any(path.startswith(f"{own}.") for path in touched):
                continue
            for key, day, otherwise in (
                ("launch_day", creative.launch_day, NEVER),
                ("end_day", creative.end_day, None),
            ):
                if day is not None and 0 < day < days:
                    now[f"{own}.{key}"], without[f"{own}.{key}"] = day, otherwise
                    when.append(day)
        if now:
            set_places(without)(before)
            found.append(Change(f"creatives of {words(channel).lower()}", True, set_places(now), min(when)))
    return found


def _outages(scenario: Scenario, before: Tables, touched: set[str]) -> list[Change]:
    """Outages of tags that begin or end within the window."""
    days, found = scenario.run.days, []
    for i, outage in enumerate(scenario.tracking.transport.outages):
        place = f"tracking.transport.outages.{i}.share"
        dated = (0 < outage.start_day < days) or outage.end_day < days
        if dated and outage.start_day < days and place not in touched:
            set_places({place: 0.0})(before)
            found.append(Change("an outage", False, set_places({place: outage.share}), outage.start_day))
    return found


def _campaigns(scenario: Scenario) -> list[tuple[str, str, str, Any]]:
    return [
        (f"channels.{channel}.campaigns.{name}", channel, name, campaign)
        for channel, table in scenario.channels.items()
        for name, campaign in table.campaigns.items()
    ]


def set_places(values: Mapping[str, Any]) -> Callable[[Tables], None]:
    """Sets values at dotted places that exist."""

    def make(tables: Tables) -> None:
        for path, value in values.items():
            problem = set_value(tables, path, copied(value))
            if problem:
                raise ScenarioError([problem])

    return make
