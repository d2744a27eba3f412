"""Replays: the world and its record under any set of changes, and what each shows of some days (micros, actions)."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attribution.costs.cpa import attributed_cpa
from cpalab.micros import MICROS
from experiments.comparison.by_day import TOLD, Bought, Told
from experiments.comparison.explain.dated_changes import Changes
from experiments.comparison.explain.factors import Cells
from experiments.truth.effects import ALL, TwinChange, cost_per, orders_of, twin_lives
from experiments.truth.order_labels import orders_lost
from simulator.playing import EngineName
from simulator.record.record import Record, record
from simulator.scenario.schema import Scenario
from simulator.world import World, simulate

Floats = npt.NDArray[np.float64]
INCREMENTAL = "incremental"
WORLDS_KEPT = 3


@dataclass(frozen=True)
class Player:
    """One thing that is made or left out: what a change does to the record or the world, or what its record does to delivery.

    Attributes:
        change: position of the change.
        name: for people.
        real: whether it changes what happens.
        delivery: whether it is what ads do because they go by what was recorded.
        day: from when on.
    """

    change: int
    name: str
    real: bool
    delivery: bool = False
    day: float | None = None


@dataclass(frozen=True)
class State:
    """What a world and its record show of some days: arrays with one entry per channel (K,), and one more for all of them.

    Attributes:
        channels: the paid channels.
        cost_micros: what is paid under the record (K,); true_cost_micros: what the world itself charged.
        actions: what each system has (systems, K).
        caused: orders that the ads of these days caused, to the end of the follow-up (K + 1,).
        cells: the same by segment, actions as each system has them.
    """

    channels: tuple[str, ...]
    cost_micros: Floats
    true_cost_micros: Floats
    actions: Floats
    caused: Floats
    cells: tuple[Cells, ...]

    def cost(self, channel: str, system: str) -> float:
        """In currency; under the record, or for `incremental` as the world charged it."""
        micros = self.true_cost_micros if system == INCREMENTAL else self.cost_micros
        return float(micros[self._of(channel)].sum()) / MICROS

    def counted(self, channel: str, system: str) -> float:
        """Actions that a system has; for `incremental` the orders caused."""
        if system == INCREMENTAL:
            return float(self.caused[-1 if channel == ALL else self.channels.index(channel)])
        return float(self.actions[TOLD.index(system), self._of(channel)].sum())

    def cpa(self, channel: str, system: str) -> float:
        """Cost over actions; nan where there is no price, inf where money caused nothing."""
        cost, counted = self.cost(channel, system), self.counted(channel, system)
        return cost_per(round(cost * MICROS), counted) if system == INCREMENTAL else attributed_cpa(cost, counted)

    def cells_of(self, channel: str, system: str) -> Cells:
        """What was bought and counted by segment, of one channel or of all."""
        whole, own = self.cells[TOLD.index(system)], self._of(channel)
        return Cells(
            whole.impressions[own], whole.clicks[own], whole.cost[own], whole.actions[own], whole.by_impression[own]
        )

    def _of(self, channel: str) -> slice:
        k = 0 if channel == ALL else self.channels.index(channel)
        return slice(None) if channel == ALL else slice(k, k + 1)


class Replays:
    """The state under every set of players, made when asked for and kept; worlds are simulated only where they differ."""

    def __init__(
        self, changes: Changes, days: tuple[int, int], *, truth: bool, threads: int, engine: EngineName
    ) -> None:
        self.changes, self.days, self.truth, self.threads, self.engine = changes, days, truth, threads, engine
        everything = changes.scenario(range(len(changes.changes)))
        nothing = changes.scenario(())
        self.channels = tuple(dict.fromkeys((*nothing.paid_channels(), *everything.paid_channels())))
        self.players = players_of(changes, heard=listens(nothing) or listens(everything))
        self.worlds: OrderedDict[frozenset[int], tuple[World, Bought, Floats]] = OrderedDict()
        self.states: dict[frozenset[int], State] = {}

    def state(self, chosen: frozenset[int]) -> State:
        """What the chosen players show of the days."""
        if chosen not in self.states:
            world, bought, caused = self._world(chosen)
            self.states[chosen] = self._state(world, self.record(chosen), bought, caused, self.days)
        return self.states[chosen]

    def record(self, chosen: frozenset[int]) -> Record:
        """What the systems have under the chosen players."""
        return record(self.world(chosen))

    def world(self, chosen: frozenset[int]) -> World:
        """The world under the chosen players, with the tracking that records it."""
        return self._world(chosen)[0].with_scenario(self._recorded(chosen))

    def other_days(self, chosen: frozenset[int], days: tuple[int, int]) -> State:
        """What the chosen players show of other days."""
        world, bought, _ = self._world(chosen)
        return self._state(world, self.record(chosen), bought, self._caused(world, days), days)

    def group(self, chosen: frozenset[int]) -> tuple[int, ...]:
        """The players among the chosen that the world hears of: sets of one group share a world."""
        return tuple(sorted(i for i in chosen if self.players[i].real))

    def _recorded(self, chosen: frozenset[int]) -> Scenario:
        return self.changes.scenario([self.players[i].change for i in chosen if not self.players[i].delivery])

    def _world(self, chosen: frozenset[int]) -> tuple[World, Bought, Floats]:
        real = frozenset(self.group(chosen))
        if real not in self.worlds:
            while len(self.worlds) >= WORLDS_KEPT:
                self.worlds.popitem(last=False)
            scenario = self.changes.scenario([self.players[i].change for i in real])
            world = simulate(scenario, threads=self.threads, engine=self.engine)
            self.worlds[real] = world, Bought.of(world), self._caused(world, self.days)
        return self.worlds[real]

    def _caused(self, world: World, days: tuple[int, int]) -> Floats:
        """Orders that each channel's ads of these days caused, and all of them together (K + 1,)."""
        result = np.zeros(len(self.channels) + 1)
        if not self.truth:
            return result
        paid = world.names.paid_channels()
        bits = [1 << k for k in paid] + [sum(1 << k for k in paid)] * bool(paid)
        first, last = days
        lives = twin_lives(
            world, [TwinChange(off=off, first_day=first, last_day=last) for off in bits], threads=self.threads
        )
        fact = orders_of(world)
        places = [self.channels.index(world.names.channels[k]) for k in paid] + [-1]
        for place, life in zip(places, lives, strict=False):
            result[place] = orders_lost(fact, life)[0]
        return result

    def _state(self, world: World, found: Record, bought: Bought, caused: Floats, days: tuple[int, int]) -> State:
        told, own = Told.of(world, found, bought), slice(*days)
        rows = [self.channels.index(name) for name in bought.channels]

        def placed(values: Floats) -> Floats:
            """Sums over the days, in the rows of all channels."""
            whole = np.zeros((len(self.channels), values.shape[1]))
            whole[rows] = values[:, :, own].sum(axis=2)
            return whole

        cost = placed(told.cost_micros)
        impressions, clicks = placed(bought.impressions), placed(bought.clicks)
        actions = [placed(own_system) for own_system in told.actions]
        by_impression = np.zeros(len(self.channels), np.bool_)
        by_impression[rows] = bought.by_impression
        return State(
            self.channels,
            cost.sum(axis=1),
            placed(bought.cost_micros + bought.fee_micros).sum(axis=1),
            np.array([of_system.sum(axis=1) for of_system in actions]),
            caused,
            tuple(Cells(impressions, clicks, cost / MICROS, of_system, by_impression) for of_system in actions),
        )


def players_of(changes: Changes, *, heard: bool) -> list[Player]:
    """Each change as a player; where the world hears what is recorded, what a change of tracking does to it is one more."""
    players = [Player(i, change.name, change.real, day=change.day) for i, change in enumerate(changes.changes)]
    if not heard:
        return players
    silent = [player for player in players if not player.real]
    return players + [
        Player(own.change, f"{own.name}, through delivery", True, delivery=True, day=own.day) for own in silent
    ]


def listens(scenario: Scenario) -> bool:
    """Whether what is recorded decides what happens: delivery follows the record, or processes read reports."""
    return scenario.delivery.follows == "record" or bool(scenario.processes)


def cpas(state: State, keys: Sequence[tuple[str, str]]) -> Floats:
    """The CPA of each channel and system (keys,)."""
    return np.array([state.cpa(channel, system) for channel, system in keys])
