"""What is in force: the version of the scenario that holds on a day, and its law, as timeline and processes change both."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from itertools import groupby

from simulator.law.parameters import Law
from simulator.scenario.build_law import Names, continued_law
from simulator.scenario.schema import Scenario, TimelineChange
from simulator.scenario.timeline import Version, versions, with_change


@dataclass(frozen=True)
class Act:
    """One value that a process, or somebody by hand, has changed: who, where, and to what."""

    author: str
    path: str
    value: bool | float | str


class InForce:
    """The scenario and its law, stretch by stretch, while the market runs.

    Attributes:
        scenario: what is assumed, and on its timeline everything that processes have changed so far.
        law: a row for each stretch that has begun, and while no process has acted for those to come.
        planned: the scenario as it will be once what waits holds.
        epoch: number of the stretch that holds.
    """

    def __init__(self, scenario: Scenario, law: Law, names: Names, stretches: Sequence[Version]) -> None:
        self.scenario, self.law, self.names = scenario, law, names
        self.assumed = tuple(stretches)
        self.begun = [self.assumed[0]]
        self.planned = self.begun[0].scenario
        self.waiting: list[Act] = []
        self.acted = False

    def copy(self) -> "InForce":
        """One that goes on by itself from here."""
        other = copy(self)
        other.begun, other.waiting = list(self.begun), list(self.waiting)
        return other

    @property
    def epoch(self) -> int:
        """Number of the stretch that holds, from 0."""
        return len(self.begun) - 1

    def plan(self, act: Act) -> None:
        """Let one change hold from the next tick on.

        Raises:
            ScenarioError: the value is impossible there.
        """
        self.planned = with_change(self.planned, act.path, act.value)
        self.waiting.append(act)

    def begin(self, day: float, before: float) -> Scenario:
        """The scenario that holds from the tick of this day on; `before` is the day of the tick before it."""
        due = [version for version in self.assumed[1:] if before < version.day <= day]
        if not self.waiting and not (self.acted and due):
            self.begun += due
        else:
            self.acted = True
            self._write_down(day)
            begun = [version for version in versions(self.scenario) if version.day <= day] if due else []
            new = begun[len(self.begun) :] or [Version(day, self.planned)]
            self.law = continued_law(self.law, len(self.begun), [version.scenario for version in new], self.names)
            self.begun += new
        self.planned = self.begun[-1].scenario
        return self.planned

    def end(self, day: float) -> None:
        """Write down what waits and came too late to hold."""
        self._write_down(day)

    def _write_down(self, day: float) -> None:
        """Put what waits onto the timeline, an entry for each author."""
        entries = [
            TimelineChange(day=day, set={act.path: act.value for act in acts}, author=author)
            for author, acts in groupby(self.waiting, key=lambda act: act.author)
        ]
        self.waiting = []
        if entries:
            self.scenario = self.scenario.model_copy(update={"timeline": [*self.scenario.timeline, *entries]})
