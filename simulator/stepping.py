"""Stepping: a market that runs as far as one says, is looked at and acted in, and runs on (days)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cpalab.refusal import Problem, ScenarioError
from cpalab.result import Result
from simulator.engines.replacement import Kernels, check_parameters, kernels_of
from simulator.market.advertiser.desk import Desk
from simulator.market.market import no_change
from simulator.market.processes.registry import Acting, Given, processes_of
from simulator.playing import EngineName, Running
from simulator.scenario.rules.consistency import MOODS
from simulator.scenario.schema import Scenario
from simulator.world import World, world_from

if TYPE_CHECKING:
    import pandas as pd

AUTHOR = "by hand"


@dataclass(frozen=True)
class Person(Result):
    """One person as of now: who they are, what they feel, and what they have done so far.

    Attributes:
        user_id: their number; day: now.
        traits: what was drawn once for them, as in users.parquet.
        mood: out_of_market, in_market, visited or late, as of their last session; depth: funnel steps taken.
        sessions: how many they have had, the quiet ones included; last_session: the day of the last, nan if none.
        goodwill: per channel, what is left of it now.
        impressions: per campaign (`channel.campaign`), ads met so far, withheld ones included.
        events: what the log has of them so far, in order.
    """

    user_id: int
    day: float
    traits: dict[str, Any]
    mood: str
    depth: int
    sessions: int
    last_session: float
    goodwill: dict[str, float]
    impressions: dict[str, int]
    events: pa.Table

    def to_frame(self) -> "pd.DataFrame":
        """What the log has of them, one row per event."""
        frame: pd.DataFrame = self.events.to_pandas()
        return frame

    def summary(self) -> str:
        """Who they are and where they stand, in one sentence."""
        liked = ", ".join(f"{channel} {left:.2f}" for channel, left in self.goodwill.items() if left) or "none"
        return (
            f"Person {self.user_id} ({self.traits['segment']}, {self.traits['geo']}) on day {self.day:g}: "
            f"{self.mood.replace('_', ' ')}, {self.sessions:,} sessions, {self.events.num_rows:,} events, goodwill: {liked}."
        )


class OpenMarket(Desk):
    """A market to step through: `run(until=7)`, look, act, go on; made by `open_market`.

    It is a desk (`simulator.market.advertiser.desk.Desk`): what is read is what an advertiser sees now, what is changed
    holds from the next tick on and is signed `by hand`. `oracle` and `person` see the truth.
    """

    def __init__(self, running: Running, kernels: Kernels, processes: tuple[Acting, ...]) -> None:
        super().__init__(running.market, running.reports, AUTHOR)
        self._running, self._kernels, self._given = running, kernels, processes
        self._world: World | None = None

    @property
    def end(self) -> float:
        """The end of the follow-up, in days, where the market has run to its end."""
        return self._market.clock.end

    def run(self, until: float | None = None) -> None:
        """Let time pass up to a day, before the tick that begins there is published; without one, to the end.

        Raises:
            ScenarioError: that day has passed, or lies after the end; a process was refused something or has failed.
        """
        self._refuse_if_over()
        if until is not None and not self.day <= until <= self.end:
            rule = f"must lie between now, day {self.day:g}, and the end, day {self.end:g}"
            raise ScenarioError([Problem("until", rule, f"{until:g}")])
        self._running.run(until)

    def person(self, user_id: int) -> Person:
        """One person as of now.

        Raises:
            ScenarioError: there is no person of this number, or the market has been finished.
        """
        self._refuse_if_over()
        self._market.catch_up()
        people = self._running.people.population
        if not 0 <= user_id < len(people.people):
            rule = f"must be the number of a person, 0 to {len(people.people) - 1}"
            raise ScenarioError([Problem("person", rule, f"{user_id}")])
        names, now = self._market.names, self.day
        life, itinerary = people.lives[user_id], people.itineraries[user_id]
        since = now - float(itinerary.last_time)
        fading = np.exp(-self._market.in_force.law.channels[self._market.in_force.epoch].fading_per_day * since)
        had = int(itinerary.session)
        shown = people.shown.campaigns[user_id].tolist()
        events = self._reports.happened(now)
        return Person(
            user_id=user_id,
            day=now,
            traits=self._reports.users.slice(user_id, 1).to_pylist()[0],
            mood=MOODS[int(life.mood)],
            depth=int(life.depth),
            sessions=had,
            last_session=float(itinerary.last_time) if had else math.nan,
            goodwill=dict(zip(names.channels, (people.goodwill[user_id] * fading).tolist(), strict=True)),
            impressions=dict(zip(self.campaigns, shown, strict=True)),
            events=events.filter(pc.equal(events["user_id"], user_id)),
        )

    def finish(self) -> World:
        """Run to the end; the world that has become: that of an uninterrupted run with the same processes and acts."""
        if self._world is None:
            self._running.run()
            self._world = world_from(self._running.played(), self._kernels, self._given)
        return self._world

    def _refuse_if_over(self) -> None:
        if self._world is not None:
            raise ScenarioError([Problem("market", "has been finished", hint="its world holds what happened")])


def open_market(
    scenario: Scenario,
    *,
    engine: EngineName = "cohort",
    kernels: Kernels | None = None,
    processes: Sequence[Given | Acting] = (),
) -> OpenMarket:
    """The market of a scenario on the first day of its warm-up, ready to run step by step.

    Args:
        scenario: what is assumed.
        engine: `cohort`, or `agents` to trace every person's sessions as SimPy events.
        kernels: the compiled law; None: as the scenario says.
        processes: what acts in it besides the scenario's own, as `simulate` takes it.

    Raises:
        ScenarioError: an own step or a process cannot be loaded, or does not fit.

    Example:
        >>> from simulator import load_scenario, open_market
        >>> market = open_market(load_scenario("dropshipping", {"run.users": 1000, "run.days": 5.0}))
        >>> market.run(until=2)
        >>> market.day
        2.0
    """
    kernels = kernels_of(scenario) if kernels is None else kernels
    check_parameters(scenario, kernels)
    acting = processes_of(scenario, processes)
    running = Running(scenario, no_change(), engine=engine, kernels=kernels, processes=acting)
    return OpenMarket(running, kernels, acting[len(scenario.processes) :])
