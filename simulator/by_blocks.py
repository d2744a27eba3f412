"""A world made by blocks, within bounds of memory: first the market, then the lives, straight to disk (bytes)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa

from cpalab.refusal import Problem, ScenarioError
from simulator.engines.cohort import BLOCK_USERS
from simulator.engines.mapped_people import bytes_per_person, population_by_block
from simulator.engines.replacement import Kernels
from simulator.event_log import StoredEvents, is_kind
from simulator.lives import Filter, Stage, live_partitions
from simulator.market.market import no_change
from simulator.playing import Workroom, play, thread_map
from simulator.population import everyone, users_table
from simulator.scenario.build_law import Names, build_law
from simulator.scenario.schema import Scenario
from simulator.scenario.timeline import versions
from simulator.shards.workers import Workers
from simulator.world import World, market_table, timeline_table

EventsKept = Literal["all", "orders", "sample", "none"]
EVENTS_KEPT: tuple[EventsKept, ...] = get_args(EventsKept)
SAMPLE_ONE_IN = 100
ORDER_KINDS = ("conversion", "qualified", "closed", "refund")

UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
# Python with everything that a run imports and compiles; judged, and checked on one run of a million people only.
BASE_BYTES = 500_000_000
# What tables of everyone take while they are read: who they are, and what tests count of each.
PERSON_BYTES = 150
# Rows of one person's log while they are sorted and become a table, for each thread and one that waits to be written.
BLOCK_BYTES = 150_000_000
EVENT_BYTES = 60
# Rows of a log that is read at once where nobody bounds the memory: it is then asked faster.
ROWS_AT_ONCE = 20_000_000


@dataclass(frozen=True)
class Memory:
    """How much memory a run may take.

    Attributes:
        bytes: at most; None: what it likes.
    """

    bytes: float | None = None

    @classmethod
    def of(cls, text: str) -> "Memory":
        """The size that a text such as `4GB`, `512MB` or `1.5GiB` names.

        Raises:
            ScenarioError: it names none.
        """
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", text.upper())
        if found is None or found[2] not in UNITS or not float(found[1]):
            raise ScenarioError([Problem("--memory", "must be a size", repr(text), "write it as 4GB or 512MB")])
        return cls(float(found[1]) * UNITS[found[2]])

    def check(self, scenario: Scenario, threads: int) -> None:
        """Refuse a scenario that cannot be run within it.

        Raises:
            ScenarioError: says how much it takes.
        """
        people = everyone(scenario)
        block = BLOCK_BYTES * min(1.0, people / BLOCK_USERS)
        least = BASE_BYTES + PERSON_BYTES * people + block * (threads + 1)
        if self.bytes is not None and self.bytes < least:
            rule = f"is too little: {people:,} people on {threads} threads take about {least / 1e9:.1f} GB"
            hint = "give more, or simulate fewer people or on fewer threads"
            raise ScenarioError([Problem("--memory", rule, f"{self.bytes / 1e9:g} GB", hint)])

    def maps_people(self, scenario: Scenario, processes: int = 1) -> bool:
        """Whether the state of the people of each of so many processes would take more than half of it."""
        if self.bytes is None:
            return False
        law = build_law([version.scenario for version in versions(scenario)])
        state = everyone(scenario) * bytes_per_person(law, Names.of(scenario))
        return state / processes > (self.bytes - BASE_BYTES) / 2

    def holds(self, events: StoredEvents, people: int) -> bool:
        """Whether a log fits into half of what is left beside everything else; without bounds, whether it is no large one."""
        if self.bytes is None:
            return events.num_rows <= ROWS_AT_ONCE
        return EVENT_BYTES * events.num_rows < (self.bytes - BASE_BYTES - PERSON_BYTES * people) / 2


def settle(
    scenario: Scenario,
    kernels: Kernels,
    room: Workroom,
    *,
    threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> World:
    """Run the market alone: everyone advances tick by tick, and only ledgers come out. The world's log is still empty.

    Args:
        scenario: what is assumed.
        kernels: the compiled law.
        room: where checkpoints are; a market that was killed goes on from the last. And over whom people are spread.
        threads: how many blocks run at once.
        progress: told the share of ticks that are done.
    """
    with thread_map(threads) as map_:
        played = play(scenario, no_change(), map_=map_, kept="nothing", kernels=kernels, room=room, progress=progress)
    return World(
        scenario=scenario,
        names=played.names,
        law=played.law,
        board=played.board,
        events=StoredEvents(()),
        users=_everyone_as_table(scenario, played.law, played.names),
        market=market_table(played.reports),
        timeline=timeline_table(scenario),
        kernels=kernels,
    )


def live(
    world: World,
    events: Path,
    twins: Path,
    worlds: Any = None,
    *,
    threads: int = 1,
    workers: Workers | None = None,
    reduced: Filter | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> StoredEvents:
    """The log of a settled world, lived and written, and the orders of its twins.

    Args:
        world: from `settle`.
        events, twins: see `live_partitions`.
        worlds: which twins.
        threads: how many blocks live at once.
        workers: who live a file of the log each, instead of threads.
        reduced: which events are kept; None: all.
        progress: told the share of people who have lived.
    """
    stage = Stage(world.scenario, world.names, world.law, world.board, world.kernels)
    return StoredEvents(
        live_partitions(
            stage, events, twins, worlds, threads=threads, workers=workers, reduced=reduced, progress=progress
        )
    )


def reduction(kept: EventsKept) -> Filter | None:
    """Which rows of a log are kept: all, those of orders, those of one person in a hundred, or none."""
    match kept:
        case "all":
            return None
        case "orders":
            return _of_orders
        case "sample":
            return _sampled
        case "none":
            return _none


def _of_orders(events: pa.Table) -> pa.Table:
    return events.filter(is_kind(events, *ORDER_KINDS))


def _sampled(events: pa.Table) -> pa.Table:
    return events.filter(pa.array(events["user_id"].to_numpy() % SAMPLE_ONE_IN == 0))


def _none(events: pa.Table) -> pa.Table:
    return events.slice(0, 0)


def _everyone_as_table(scenario: Scenario, law: Any, names: Names) -> pa.Table:
    tables = [users_table(block, names) for block in population_by_block(scenario, law, names)]
    return pa.concat_tables(tables).combine_chunks()
