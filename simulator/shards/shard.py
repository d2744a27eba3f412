"""A shard: some of a market's people, kept by one worker from round to round (ticks; LEDGER per tick and campaign).

What a shard is at a tick follows from its recipe and from what the market has published until then. So whoever gets an order
carries it out: the worker that keeps the shard goes on, and another builds it anew, from its last checkpoint or from birth.

FOLDER/shard-FIRST-LAST-TICK.bin   ledgers, rows and everyone's state of people FIRST..LAST-1 before that tick
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cpalab.refusal import Problem, ScenarioError
from cpalab.whole_output import durable
from simulator.engines.checkpoints import read_state, write_state
from simulator.engines.cohort import Cohort, Kept
from simulator.engines.mapped_people import map_people
from simulator.engines.replacement import Kernels, kernels_of
from simulator.law.board import Board
from simulator.law.log import ROW
from simulator.market.geo_tests import geo_plans
from simulator.market.market import board_of, felt
from simulator.population import build_population
from simulator.scenario.build_law import Names, build_law
from simulator.scenario.schema import Scenario
from simulator.scenario.timeline import versions

# What the market writes on its board at every tick.
PUBLISHED = (
    "epoch", "throttle", "log_bid", "log_rival", "need_season", "freshness", "refreshed", "live_creatives", "on_air",
    "holdouts", "geo_plan",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What a shard is made of, whoever makes it.

    Attributes:
        run: name of the market that is running; several may share a cluster.
        scenario, variant: what is assumed, and what is changed, VARIANT (1,).
        first, last: who: people first..last-1.
        kept: which rows of the log.
        folders: where checkpoints may lie, the market's own first.
        mapped: keep people's state in files there, not in memory.
    """

    run: str
    scenario: Scenario
    variant: Any
    first: int
    last: int
    kept: Kept
    folders: tuple[Path, ...]
    mapped: bool = False


class Order(NamedTuple):
    """What a shard shall live in one round.

    Attributes:
        recipe: which shard.
        begin: the tick at which it is taken up, and from which on there are rows.
        sure: up to here the rows are what was published; from here on they may turn out to be otherwise.
        until: the tick before which it stops.
        rows: of the board, begin..until-1, in the order of PUBLISHED.
        save: folder for a checkpoint at `sure`; None: none is made.
    """

    recipe: Recipe
    begin: int
    sure: int
    until: int
    rows: tuple[Any, ...]
    save: Path | None = None


class Answer(NamedTuple):
    """What has become of an order.

    Attributes:
        ledgers: what each campaign has done so far, after each of the ticks sure..until-1, LEDGER (ticks, C).
        rows: at the end of the run the rows of the log, by person.
    """

    ledgers: Any
    rows: Any


def check_law(scenario: Scenario, kernels: Kernels) -> None:
    """Refuse a law that other processes do not find in the scenario.

    Raises:
        ScenarioError: naming its own steps.
    """
    if kernels.own != kernels_of(scenario).own:
        rule, hint = "is not the law of the scenario, which is all that workers know of", "name its steps in law.steps"
        own = ", ".join(f"{name} = {place}" for name, place in kernels.own) or "without own steps"
        raise ScenarioError([Problem("kernels", rule, own, hint)])


def published(board: Board, begin: int, until: int) -> tuple[Any, ...]:
    """What the board says of the ticks begin..until-1, in the order of PUBLISHED."""
    return tuple(getattr(board, name)[begin:until].copy() for name in PUBLISHED)


class Shard:
    """The people of one recipe, as they are at `tick`."""

    def __init__(self, recipe: Recipe) -> None:
        scenario, first, last = recipe.scenario, recipe.first, recipe.last
        names = Names.of(scenario)
        law = build_law([version.scenario for version in versions(scenario)])
        mapped = None
        if recipe.mapped:
            mapped = map_people(scenario, law, names, recipe.folders[0], first, last)
        self.recipe, self.tick = recipe, 0
        self.people = Cohort(
            law, board_of(scenario, names, geo_plans(scenario)),
            build_population(scenario, law, names, first, last) if mapped is None else mapped.population,
            felt(recipe.variant), scenario.run.seed, kept=recipe.kept, kernel=kernels_of(scenario).advance,
            forget=None if mapped is None else mapped.forget,
        )  # fmt: skip
        self.mark: tuple[int, Any] | None = None

    def advance(self, order: Order) -> Answer | None:
        """Live what is ordered; None where this shard cannot be taken up at its beginning."""
        if not self._at(order.begin):
            return None
        board = self.people.board
        for name, rows in zip(PUBLISHED, order.rows, strict=True):
            getattr(board, name)[order.begin : order.until] = rows
        if order.begin == 0:
            self.restore(order.sure)
        self._live(order.sure)
        tentative = order.until > order.sure + 1
        if order.save is not None:
            self.checkpoint(order.save)
        if tentative and self.recipe.mapped:
            self.checkpoint(self.recipe.folders[0])
        self.mark = (self.tick, self.people.remember()) if tentative and not self.recipe.mapped else None
        ledgers = [self._live(tick + 1) for tick in range(order.sure, order.until)]
        return Answer(np.stack(ledgers), self._rows() if order.until == len(board.starts) - 1 else None)

    def checkpoint(self, folder: Path) -> None:
        """Keep everything on disk; the checkpoints before it go when it is there."""
        place = folder / f"{self._name}-{self.tick:06d}.bin"
        older = set(folder.glob(f"{self._name}-*.bin")) - {place}
        with durable(place) as path, path.open("wb") as file:
            for block in self.people.blocks:
                np.save(file, block.ledger)
                np.save(file, block.events.written().view(np.uint8))
            write_state(file, self.people)
        for path in older:
            path.unlink(missing_ok=True)

    def restore(self, tick: int) -> None:
        """Take up the last checkpoint before `tick` or at it, if there is one."""
        found = [path for folder in self.recipe.folders for path in folder.glob(f"{self._name}-*.bin")]
        kept = {int(path.stem.rpartition("-")[2]): path for path in found}
        last = max((at for at in kept if self.tick < at <= tick), default=None)
        if last is None:
            return
        with kept[last].open("rb") as file:
            for block in self.people.blocks:
                block.ledger[:] = np.load(file, allow_pickle=False)
                block.events.put_back(np.load(file, allow_pickle=False).view(ROW))
            read_state(file, self.people)
        self.tick = last

    @property
    def _name(self) -> str:
        return f"shard-{self.recipe.first:012d}-{self.recipe.last:012d}"

    def _at(self, tick: int) -> bool:
        """Whether it is, or could be brought back to where it was, at the beginning of a tick."""
        if self.tick != tick and self.mark is not None and self.mark[0] == tick:
            self.tick, state = self.mark
            self.people.go_back(state)
        elif self.tick > tick:
            self.tick = -1
            self.restore(tick)
        return self.tick == tick

    def _live(self, until: int) -> Any:
        while self.tick < until:
            self.tick += 1
            self.people.run_tick(float(self.people.board.starts[self.tick]))
        return self.people.ledger()

    def _rows(self) -> Any:
        rows = np.concatenate([block.events.written() for block in self.people.blocks])
        return rows[np.argsort(rows["user"], kind="stable")]


# The shards that this process keeps. A worker runs one task after another, and has nothing else to keep them in.
_kept: dict[tuple[str, int], Shard] = {}


def advance(order: Order) -> Answer | None:
    """Carry out an order where the shard is kept; None: it is not here, and the order does not begin at birth."""
    key = order.recipe.run, order.recipe.first
    shard = _kept.pop(key, None)
    answer = None if shard is None else shard.advance(order)
    if answer is None and order.begin == 0:
        shard = None  # a later state of it may still take memory
        shard = Shard(order.recipe)
        answer = shard.advance(order)
    if shard is not None and answer is not None:
        _kept[key] = shard
    return answer


def forget(run: str) -> None:
    """Let go of the shards of a market that has ended."""
    for key in [key for key in _kept if key[0] == run]:
        _kept.pop(key, None)


def recipes(
    run: str, scenario: Scenario, variant: Any, people: int, shards: int, kept: Kept,
    folders: tuple[Path, ...], mapped: bool,
) -> Sequence[Recipe]:  # fmt: skip
    """Everyone, in so many shards of nearly the same size; fewer where there are fewer people."""
    shards = max(1, min(shards, people))
    bounds = [people * number // shards for number in range(shards + 1)]
    return [Recipe(run, scenario, variant, first, last, kept, folders, mapped) for first, last in pairwise(bounds)]
