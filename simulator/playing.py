"""Playing: a scenario played through once, all at once or step by step, with the processes that act in it (days)."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from simulator.engines.agents import Agents
from simulator.engines.checkpoints import SECONDS_BETWEEN, ResumableCohort, WarmUp
from simulator.engines.cohort import BLOCK_USERS, Cohort, Kept, Map
from simulator.engines.mapped_people import map_people
from simulator.engines.replacement import DEFAULT_KERNELS, Kernels
from simulator.law.board import Board
from simulator.law.parameters import Law
from simulator.market.advertiser.desk import Desk
from simulator.market.advertiser.driving import ProcessStoppedError, drive
from simulator.market.advertiser.reports import Reports
from simulator.market.geo_tests import geo_plans
from simulator.market.in_force import InForce
from simulator.market.market import Market, TickReport, board_of, felt
from simulator.market.moments import STOP, Moment
from simulator.market.processes.registry import Acting
from simulator.population import build_population, everyone, users_table
from simulator.scenario.build_law import Names, build_law
from simulator.scenario.schema import Scenario
from simulator.scenario.timeline import versions, without_acts
from simulator.shards.shard import check_law
from simulator.shards.sharded import Sharded
from simulator.shards.workers import Workers

EngineName = Literal["cohort", "agents"]


@dataclass(frozen=True)
class Workroom:
    """Where a market that may be killed and resumed works.

    Attributes:
        folder: for checkpoints.
        mapped: keep people's state in files there, not in memory.
        seconds_between_checkpoints: how much work may be lost.
        workers: over whom people are spread, by the law that the scenario names; None: over threads of this process.
    """

    folder: Path
    mapped: bool = False
    seconds_between_checkpoints: float = SECONDS_BETWEEN
    workers: Workers | None = None


@dataclass(frozen=True)
class Played:
    """A scenario played through once.

    Attributes:
        scenario: what was assumed, and on its timeline what processes changed.
        names, law, board: as in a world.
        engine: the people, with their log.
        reports: one per tick and campaign.
    """

    scenario: Scenario
    names: Names
    law: Law
    board: Board
    engine: Cohort | Agents | Sharded
    reports: list[TickReport]


class Running:
    """A market with its people, ready to run: from the first day of the warm-up to the last of the follow-up.

    Attributes:
        market: the SimPy model of what people share; its `environment` is SimPy's.
        people: the engine that advances them.
        reports: what the systems have recorded so far.
    """

    def __init__(
        self, scenario: Scenario, variant: Any, *, engine: EngineName = "cohort", map_: Map = map,
        block_users: int = BLOCK_USERS, kept: Kept = "events", kernels: Kernels = DEFAULT_KERNELS,
        processes: Sequence[Acting] = (), room: Workroom | None = None, warm_up: WarmUp | None = None,
        progress: Callable[[float], None] = lambda share: None,
    ) -> None:  # fmt: skip
        scenario = without_acts(scenario, {acting.author for acting in processes})
        if processes:
            # They read the record, as it grows in memory; and what they read is not in a checkpoint.
            kept, room, warm_up = "events", None, None
        stretches = versions(scenario)
        self.names = names = Names.of(scenario)
        law = build_law([version.scenario for version in stretches])
        plans = geo_plans(scenario)
        self.board = board_of(scenario, names, plans)
        self.processes = processes
        in_force = InForce(scenario, law, names, stretches)
        self.market = Market(in_force, names, self.board, variant, plans, progress=progress)
        folder, seconds = (None, 0.0) if room is None else (room.folder, room.seconds_between_checkpoints)
        is_mapped, seed = room is not None and room.mapped, scenario.run.seed
        self.people: Cohort | Agents | Sharded
        self.closed: ResumableCohort | Sharded | None = None
        if room is not None and room.workers is not None:
            check_law(scenario, kernels)
            self.people = self.closed = Sharded(
                scenario, variant, self.board, everyone(scenario), room.workers, room.folder,
                campaigns=len(names.campaigns), kept=kept, ahead=self.market.ahead, seconds=seconds, mapped=is_mapped,
                warm_up=None if warm_up is None else warm_up.folder,
            )  # fmt: skip
            self.market.start(self.people, self._send_processes)
            return
        mapped = map_people(scenario, law, names, folder) if folder is not None and is_mapped else None
        population = build_population(scenario, law, names) if mapped is None else mapped.population
        if engine == "agents":
            self.people = Agents(
                law, self.board, population, felt(variant), seed, orders_only=kept != "events", kernel=kernels.step
            )
        else:
            self.people = Cohort(
                law, self.board, population, felt(variant), seed,
                map_=map_, block_users=block_users, kept=kept, kernel=kernels.advance,
                forget=None if mapped is None else mapped.forget,
            )  # fmt: skip
        if isinstance(self.people, Cohort) and (room is not None or warm_up is not None):
            self.closed = ResumableCohort(
                self.people, folder, seconds, warm_up=warm_up, first_tick=self.board.first_tick
            )
        self.reports = Reports(scenario, names, lambda: users_table(population, names), self.people.rows_after)
        self.market.start(self.closed or self.people, self._send_processes)

    def desk(self, author: str, *, plays_rival: bool = False) -> Desk:
        """A desk at this market, whose acts are signed with a name."""
        return Desk(self.market, self.reports, author, plays_rival=plays_rival)

    def run(self, until: float | None = None) -> None:
        """Let time pass up to a day, before its tick is published, or to the end.

        Raises:
            ScenarioError: a process was refused something, or has failed.
        """
        environment = self.market.environment
        try:
            environment.run(None if until is None else Moment(environment, until - environment.now, STOP))
        except ProcessStoppedError as stopped:
            raise stopped.cause from stopped.cause.__cause__
        self.market.catch_up()

    def played(self) -> Played:
        """What there is when the market has run to its end."""
        if self.closed is not None:
            self.closed.close()
        in_force = self.market.in_force
        return Played(in_force.scenario, self.names, in_force.law, self.board, self.people, self.market.reports)

    def _send_processes(self) -> None:
        for acting in self.processes:
            desk = self.desk(acting.author, plays_rival=acting.plays_rival)
            self.market.environment.process(drive(desk, acting.run))


def play(
    scenario: Scenario,
    variant: Any,
    *,
    engine: EngineName = "cohort",
    map_: Map = map,
    block_users: int = BLOCK_USERS,
    kept: Kept = "events",
    kernels: Kernels = DEFAULT_KERNELS,
    processes: Sequence[Acting] = (),
    room: Workroom | None = None,
    warm_up: WarmUp | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Played:
    """Play a scenario through with one thing changed (`variant`, VARIANT (1,)), the market free to react to it.

    Processes run in it and act on what they see there; what they have changed in another run is forgotten.

    Args:
        scenario, variant: what is played.
        engine, map_, block_users, kernels, progress: see `simulator.world.simulate`.
        kept: which rows of the log; with processes, which read the record, always all.
        processes: what acts in it.
        room: where people who do not fit into memory live, and checkpoints go; cohort without processes only.
        warm_up: shared with other worlds that differ in the reported window alone, and lived by the first, which alone
            keeps its rows; cohort without processes only.
    """
    running = Running(
        scenario, variant, engine=engine, map_=map_, block_users=block_users, kept=kept, kernels=kernels,
        processes=processes, room=room, warm_up=warm_up, progress=progress,
    )  # fmt: skip
    running.run()
    return running.played()


@contextmanager
def thread_map(threads: int) -> Iterator[Map]:
    """`map` over this many threads."""
    if threads <= 1:
        yield map
        return
    with ThreadPoolExecutor(threads) as pool:
        yield pool.map
