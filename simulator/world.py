"""The world: run a scenario, and keep what happened."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from cpalab.arguments import Count, checked
from cpalab.micros import MICROS
from cpalab.refusal import ScenarioError
from cpalab.result import Result
from simulator.engines.agents import Agents
from simulator.engines.cohort import BLOCK_USERS, Cohort
from simulator.engines.replacement import DEFAULT_KERNELS, Kernels, check_parameters, kernels_of
from simulator.event_log import Events, gathered_events, is_kind, pieces, rows_in
from simulator.events import EVENT_SCHEMA, events_table
from simulator.law.board import Board
from simulator.law.parameters import Law
from simulator.market.market import TickReport, no_change
from simulator.market.processes.registry import Acting, Given, processes_of
from simulator.playing import EngineName, Played, play, thread_map
from simulator.population import build_population, users_table
from simulator.scenario.build_law import Names
from simulator.scenario.clock import Clock
from simulator.scenario.schema import Scenario
from simulator.shards.sharded import Sharded

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class World(Result):
    """What happened, and what a second life needs to happen again.

    Attributes:
        scenario: what was assumed.
        names: what positions in arrays stand for.
        law: the parameters in force, per version of the scenario.
        board: what the market published, tick by tick.
        events: the event log (see `simulator.events`).
        users: one row per person.
        market: one row per tick and campaign; `period` says which ticks are reported.
        timeline: one row per version of the scenario.
        kernels: the compiled steps of the law.
        processes: those that acted in it beside the ones that the scenario declares; they run again where the market is
            free to react. What they all changed stands on the scenario's timeline, with its author.

    Example:
        >>> from cpalab import load_scenario, simulate
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 3000, "run.days": 5.0}))
        >>> world.users.num_rows, world.clock.days
        (3000, 5.0)
    """

    scenario: Scenario
    names: Names
    law: Law
    board: Board
    events: pa.Table
    users: pa.Table
    market: pa.Table
    timeline: pa.Table
    kernels: Kernels = DEFAULT_KERNELS
    processes: tuple[Acting, ...] = ()

    @property
    def acting(self) -> tuple[Acting, ...]:
        """Every process that acted in it: those that the scenario declares, and the others."""
        return processes_of(self.scenario, self.processes)

    def cost_micros(self) -> dict[str, int]:
        """What was paid for each channel that has campaigns in the reported window, in micros."""
        totals = reported_ticks(self.market).group_by("channel").aggregate([("cost_micros", "sum")]).to_pydict()
        return dict(zip(totals["channel"], totals["cost_micros_sum"], strict=True))

    def orders(self) -> pa.Table:
        """The conversions of the reported window."""
        return self.orders_until(self.clock.days)

    def orders_until(self, day: float) -> pa.Table:
        """The conversions from day 0 up to and without a day, the follow-up's included."""
        return between(gathered_events(self, lambda piece: is_kind(piece, "conversion")), 0.0, day)

    def reported_events(self) -> pa.Table:
        """The events of the reported window (what becomes of its orders later lies after it)."""
        return gathered_events(self, lambda piece: within(piece, 0.0, self.clock.days))

    @property
    def clock(self) -> Clock:
        """When the warm-up, the reported window and the follow-up begin and end."""
        return Clock.of(self.scenario)

    def with_scenario(self, scenario: Scenario) -> "World":
        """The same world under other assumptions about what is recorded of it; a stored log stays in its files."""
        return World(**{**vars(self), "scenario": scenario})

    def to_frame(self) -> "pd.DataFrame":
        """One row per paid channel, in the reported window: `channel, cost, impressions, clicks`; cost in currency."""
        import pandas as pd

        number: Counter[tuple[str, str]] = Counter()
        for piece in pieces(self, ["channel", "kind", "time"]):
            counts = between(piece, 0.0, self.clock.days).group_by(["channel", "kind"]).aggregate([([], "count_all")])
            number.update({(row["channel"], row["kind"]): row["count_all"] for row in counts.to_pylist()})
        rows = [
            (channel, micros / MICROS, number[channel, "impression"], number[channel, "click"])
            for channel, micros in self.cost_micros().items()
        ]
        return pd.DataFrame(rows, columns=["channel", "cost", "impressions", "clicks"])

    def summary(self) -> str:
        """Who lived for how long, and what they did, in one sentence."""
        run = self.scenario.run
        return (
            f"{self.users.num_rows:,} people lived {run.days:g} days (seed {run.seed}): {rows_in(self):,} events, "
            f"{self.orders().num_rows:,} conversions, ads for {sum(self.cost_micros().values()) / MICROS:,.2f} "
            f"{self.scenario.market.currency}.{self._acts_in_words()}"
        )

    def _acts_in_words(self) -> str:
        acts = Counter(change.author for change in self.scenario.timeline if change.author for _ in change.set)
        said = ", ".join(f"{author} {count:,}" for author, count in acts.items())
        return f" Changed while the market ran, by author: {said}." if said else ""


# A stored world's log is read when somebody asks for all of it; what cpalab itself counts, it counts piece by piece.
World.events = Events()


@checked(ScenarioError)
def simulate(
    scenario: Scenario,
    *,
    engine: EngineName = "cohort",
    threads: Count = 1,
    block_users: Count = BLOCK_USERS,
    kernels: Kernels | None = None,
    processes: Sequence[Given | Acting] = (),
    progress: Callable[[float], None] = lambda share: None,
) -> World:
    """Run a scenario from the first day of its warm-up to the last of its follow-up; day 0 is the first that is reported.

    The same scenario and seed give the same tables, bit for bit, whatever the engine, threads or block size.

    Args:
        scenario: what is assumed; holds users, days and seed.
        engine: `cohort` (compiled blocks, all cores) or `agents` (a SimPy process per person).
        threads: how many blocks run at once; cohort only.
        block_users: people per block; cohort only.
        kernels: the compiled law; see `simulator.engines.replacement` to replace a step of it. None: as the scenario's
            `law.steps` say.
        processes: what acts in the market besides the processes that the scenario declares: generator functions
            `my_process(market)`, objects with `name` and `run(market)`, names, `module:Name` or `FILE.py:Name`. They are
            resumed between a tick's publication and its being lived, see what an advertiser sees
            (`simulator.market.advertiser.desk.Desk`), and what they change holds from the next tick on.
        progress: told the share of the run that is done, after each tick.

    Raises:
        ScenarioError: an own step or a process cannot be loaded, or does not fit; a process has asked for what nobody can
            know or do, or has failed; an engine that is none, no threads.

    Example:
        >>> from simulator import load_scenario, simulate
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 1000, "run.days": 2.0}))
        >>> world.users.num_rows
        1000
    """
    kernels = kernels_of(scenario) if kernels is None else kernels
    check_parameters(scenario, kernels)
    acting = processes_of(scenario, processes)
    with thread_map(threads) as map_:
        played = play(
            scenario,
            no_change(),
            engine=engine,
            map_=map_,
            block_users=block_users,
            kernels=kernels,
            processes=acting,
            progress=progress,
        )
    return world_from(played, kernels, acting[len(scenario.processes) :])


def world_from(played: Played, kernels: Kernels, processes: tuple[Acting, ...] = ()) -> World:
    """The world that a scenario has become, played through; empties the engine."""
    return World(
        scenario=played.scenario,
        names=played.names,
        law=played.law,
        board=played.board,
        users=users_table(played.engine.population, played.names),
        events=events_of(played.engine, played.names),
        market=market_table(played.reports),
        timeline=timeline_table(played.scenario, authored=bool(processes)),
        kernels=kernels,
        processes=processes,
    )


def simulate_again(world: World, scenario: Scenario, *, threads: int = 1) -> World:
    """The same people under another scenario, by the same law: own steps go on acting unless the scenario names others.

    So do its processes, which see what happens there.
    """
    kernels = world.kernels if scenario.law.steps == world.scenario.law.steps else None
    return simulate(scenario, threads=threads, kernels=kernels, processes=world.processes)


def live_again(world: World, board: Board, *, threads: int = 1, block_users: int = BLOCK_USERS) -> pa.Table:
    """The event log of the same people where the market had published `board` instead, and did not react to them.

    On the world's own board that is the world's own log.
    """
    population = build_population(world.scenario, world.law, world.names)
    with thread_map(threads) as map_:
        people = Cohort(
            world.law, board, population, no_change(), world.scenario.run.seed,
            map_=map_, block_users=block_users, kernel=world.kernels.advance,
        )  # fmt: skip
        people.run_tick(world.law.calendar.last_day)
    return events_of(people, world.names)


def events_of(engine: Cohort | Agents | Sharded, names: Names) -> pa.Table:
    """The event log of what an engine's people did; empties the engine."""
    tables = [events_table(rows, names) for rows in engine.take_rows()]
    return pa.concat_tables(tables) if tables else EVENT_SCHEMA.empty_table()


def between(events: pa.Table, first_day: float, last_day: float) -> pa.Table:
    """The rows of a log from a day on and before another."""
    return events.filter(within(events, first_day, last_day))


def within(events: pa.Table, first_day: float, last_day: float) -> pa.ChunkedArray:
    """Which rows of a log lie on or after a day and before another."""
    time = events["time"]
    return pc.and_(pc.greater_equal(time, first_day), pc.less(time, last_day))


def reported_ticks(market: pa.Table) -> pa.Table:
    """The rows of a market table that belong to the reported window."""
    return market.filter(pc.equal(market["period"], "reported"))


def market_table(reports: list[TickReport]) -> pa.Table:
    """One row per tick and campaign; impression share is impressions over auctions entered by eligible people."""
    columns = {field: [getattr(report, field) for report in reports] for field in TickReport.__dataclass_fields__}
    table = pa.table(
        {
            "tick": pa.array(columns["tick"], pa.int32()),
            "day": pa.array(columns["day"], pa.float64()),
            "period": pa.array(columns["period"], pa.string()),
            "channel": pa.array(columns["channel"], pa.string()),
            "campaign": pa.array(columns["campaign"], pa.string()),
            "bid": pa.array(columns["bid"], pa.float64()),
            "daily_budget": pa.array(columns["daily_budget"], pa.float64()),
            "throttle": pa.array(columns["throttle"], pa.float64()),
            **{
                field: pa.array(columns[field], pa.int64())
                for field in ("auctions", "impressions", "clicks", "actions", "cost_micros")
            },
        }
    )
    shares = [report.impressions / report.auctions * report.throttle if report.auctions else 0.0 for report in reports]
    return table.append_column("impression_share", pa.array(shares, pa.float64()))


def timeline_table(scenario: Scenario, *, authored: bool = False) -> pa.Table:
    """One row per change: the day, the path, the new value as text, the note; where processes act, their author too."""
    rows = [
        (change.day, path, str(value), change.note, change.author)
        for change in scenario.timeline
        for path, value in change.set.items()
    ]
    table = pa.table(
        {
            "day": pa.array([row[0] for row in rows], pa.float64()),
            "path": pa.array([row[1] for row in rows], pa.string()),
            "value": pa.array([row[2] for row in rows], pa.string()),
            "note": pa.array([row[3] for row in rows], pa.string()),
        }
    )
    if not (authored or scenario.processes or any(row[4] for row in rows)):
        return table
    return table.append_column("author", pa.array([row[4] for row in rows], pa.string()))
