"""The market: the SimPy model of everything people share: clock, flights, budgets, prices, season, experiments, timeline."""

import copy
import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import simpy

from simulator.calendar import operational_days
from simulator.law.board import Board, blank_board
from simulator.law.parameters import Law
from simulator.law.state import NOBODY, VARIANT, record_array
from simulator.market.campaigns import (
    flat_fee_micros,
    freshness,
    is_live,
    last_fresh,
    log_bid_per_impression,
    log_rival_price,
    on_air,
)
from simulator.market.competition import Competition, season_on
from simulator.market.expected_cost import FEE_BILLED, action_cost, expected_cost_per_day, fee
from simulator.market.geo_demand import GeoDemand
from simulator.market.geo_tests import GeoPlan, people_by_geo
from simulator.market.holdouts import is_running
from simulator.market.in_force import InForce
from simulator.market.moments import PUBLISH, TICK_ENDS, Moment, Signal
from simulator.market.pacing import Pacing, Unbound
from simulator.scenario.build_law import Names, calendar_of
from simulator.scenario.clock import Clock
from simulator.scenario.schema import Campaign, Creative, Scenario


class Engine(Protocol):
    """A way to advance a population inside the market's environment."""

    def start(self, environment: simpy.Environment) -> None:
        """Set up processes before time begins."""

    def run_tick(self, until: float) -> None:
        """Make sure that all sessions before `until` happen before the clock gets there."""

    def follow(self, law: Law) -> None:
        """Live on by a law that has further epochs."""

    def ledger(self) -> Any:
        """What each campaign has done so far, LEDGER (C,)."""


@dataclass(frozen=True)
class TickReport:
    """What one campaign did in one tick. Money in micros; `bid` and `daily_budget` in currency as in the scenario.

    `day` is when the tick begins; `period` says whether it belongs to the warm_up, is reported or belongs to the follow_up.
    """

    tick: int
    day: float
    period: str
    channel: str
    campaign: str
    bid: float
    daily_budget: float | None
    throttle: float
    auctions: int
    impressions: int
    clicks: int
    actions: int
    cost_micros: int


class Market:
    """The environment in which an engine's people live: publishes to the board at every tick and watches the spend."""

    def __init__(
        self,
        in_force: InForce,
        names: Names,
        board: Board,
        variant: Any,
        plans: Sequence[GeoPlan] = (),
        *,
        progress: Callable[[float], None],
    ) -> None:
        scenario = in_force.scenario
        self.in_force, self.names, self.board, self.variant = in_force, names, board, variant
        self.progress = progress
        self.clock = Clock.of(scenario)
        self.calendar = calendar_of(scenario)
        self.pacing: list[Pacing] = [Pacing() for _ in names.campaigns]
        self.competition = Competition(scenario)
        self.geo_demand = GeoDemand(scenario)
        self.off_the_shelf: dict[int, float] = {}
        self.plans = plans
        self.reports: list[TickReport] = []
        self.environment = simpy.Environment(initial_time=float(board.starts[0]))
        self.published = Signal(self.environment)
        self.tick = -1

    def start(self, engine: Engine, on_day_0: Callable[[], None]) -> None:
        """Make everything ready for time to pass, from the first day of the warm-up to the last of the follow-up.

        Args:
            engine: advances the people.
            on_day_0: called when the first tick of the reported window has been published, before anybody lives it.
        """
        self.engine = engine
        self.environment.process(self._clock(on_day_0))
        engine.start(self.environment)

    def catch_up(self) -> None:
        """Bring the people to this very moment: all their sessions before it have happened, and none after it."""
        self.engine.run_tick(float(self.environment.now))

    def ahead(self, ticks: int) -> Board:
        """A copy of the board on which so many further ticks are published as they will be while no budget binds.

        What people do reaches the board through pacing alone. Only where no processes act.
        """
        later = copy.copy(self)
        columns = self.board._asdict()
        later.board = Board(**{name: copy.copy(column) for name, column in columns.items()})
        later.pacing = [Unbound() for _ in self.pacing]
        later.competition, later.geo_demand = copy.deepcopy(self.competition), copy.deepcopy(self.geo_demand)
        later.in_force, later.off_the_shelf = self.in_force.copy(), dict(self.off_the_shelf)
        for tick in range(self.tick + 1, self.tick + 1 + ticks):
            later.tick = tick
            later._publish(tick, later._begin(tick))
        return later.board

    def _clock(self, on_day_0: Callable[[], None]) -> Generator[simpy.Event, None, None]:
        """Each tick: publish, let processes act and people live, look at the spend."""
        starts, engine = self.board.starts, self.engine
        self.ledger_before = engine.ledger()
        for tick in range(len(starts) - 1):
            self.tick = tick
            scenario = self._begin(tick)
            self._publish(tick, scenario)
            if tick == self.board.first_tick:
                on_day_0()
            done, self.published = self.published, Signal(self.environment)
            done.happen()
            yield Moment(self.environment, float(starts[tick + 1] - starts[tick]), TICK_ENDS)
            engine.run_tick(float(starts[tick + 1]))
            now = engine.ledger()
            self._look_at_spend(tick, scenario, self.ledger_before, now)
            self.ledger_before = now
            self.progress((tick + 1) / (len(starts) - 1))
            yield Moment(self.environment, 0.0, PUBLISH)
        self.in_force.end(self.clock.end)

    def _begin(self, tick: int) -> Scenario:
        """The scenario as it holds in this tick, by the timeline and by what processes have changed."""
        starts, law = self.board.starts, self.in_force.law
        before = float(starts[tick - 1]) if tick else -math.inf
        scenario = self.in_force.begin(float(starts[tick]), before)
        if self.in_force.law is not law:
            self.engine.follow(self.in_force.law)
        return scenario

    def _publish(self, tick: int, scenario: Scenario) -> None:
        day = float(self.board.starts[tick])
        days = float(self.board.starts[tick + 1]) - day
        season = season_on(scenario, day)
        board = self.board
        board.epoch[tick] = self.in_force.epoch
        board.need_season[tick] = season.need * self.geo_demand.factors(math.floor(day))
        for s, surface in enumerate(self.names.surfaces):
            log_factor = math.log(season.rival_price) + self.competition.log_factor(surface, tick - board.first_tick)
            board.log_rival[tick, s] = log_rival_price(scenario, surface) + log_factor
        for k, channel in enumerate(scenario.channels.values()):
            if channel.campaigns and is_running(channel.holdout, day) and self.clock.period(day) == "reported":
                board.holdouts[tick] |= np.uint32(1 << k)
        for c in range(len(self.names.campaigns)):
            self._publish_campaign(tick, scenario, c, day, days)

    def _publish_campaign(self, tick: int, scenario: Scenario, c: int, day: float, days: float) -> None:
        placed = self.names.campaigns[c]
        channel = scenario.channels[placed.channel]
        campaign = channel.campaigns[placed.name]
        k = self.names.channels.index(placed.channel)
        board, variant = self.board, self.variant[0]
        board.log_bid[tick, c] = log_bid_per_impression(campaign, scenario.order)
        for r, creative in enumerate(campaign.creatives_by_launch().values(), start=placed.first_creative):
            fresh = max(last_fresh(creative, campaign, day, self.clock.start), self._unshelved(r, creative, day))
            board.refreshed[tick, r] = fresh
            board.freshness[tick, r] = freshness(channel, fresh, day)
            board.on_air[tick, r] = is_live(creative, day)
            board.live_creatives[tick, c] += board.on_air[tick, r]
        plan = board.geo_plan[tick, c] = self._plan_on(placed.channel, day)
        dark = plan > 0 and not people_by_geo(scenario, campaign) @ self.plans[plan - 1].spend
        changed = self.clock.period(day) == "reported" and variant.first_day <= day < variant.last_day
        if (
            self.clock.period(day) == "follow_up"
            or not (board.live_creatives[tick, c] and on_air(campaign, day))
            or dark
            or (changed and day + days <= float(variant.last_day) and (int(variant.off) >> k) & 1)
            or (campaign.bid == 0.0 and campaign.daily_budget is not None)
        ):
            return
        # A fee is owed however few take part.
        budget = None if campaign.billing == "flat" else budget_per_day(scenario, c, self.names)
        if budget is not None and changed and variant.channel == k:
            budget *= float(variant.throttle_factor)
        board.throttle[tick, c] = self.pacing[c].next_share(
            budget,
            day,
            days,
            activity=self._activity(tick),
            expected=0.0 if budget is None else expected_cost_per_day(scenario, placed.channel, campaign),
            action=action_cost(scenario, placed.channel, campaign),
        )

    def _unshelved(self, r: int, creative: Creative, day: float) -> float:
        """The day on which creative r last came off the shelf; long ago if it was never there."""
        if creative.shelved:
            self.off_the_shelf[r] = math.inf
        elif self.off_the_shelf.get(r) == math.inf:
            self.off_the_shelf[r] = day
        return -math.inf if creative.shelved else self.off_the_shelf.get(r, -math.inf)

    def _activity(self, tick: int) -> float:
        """How much of people's activity falls into a tick, in average days."""
        starts = self.board.starts
        begin, end = (operational_days(self.calendar, float(day)) for day in starts[tick : tick + 2])
        return end - begin

    def _plan_on(self, channel: str, day: float) -> int:
        """Number of the geo test's plan that a channel follows on this day, counted from 1; 0: none."""
        for p, plan in enumerate(self.plans, start=1):
            if plan.channel == channel and plan.first_day <= day < plan.last_day:
                return p
        return 0

    def _spend_weight(self, tick: int, scenario: Scenario, c: int) -> float:
        """Spend expected of campaign c in this tick, over what it would be without a geo test."""
        plan = int(self.board.geo_plan[tick, c])
        throttle = float(self.board.throttle[tick, c])
        if plan == 0 or throttle == 0.0 or self.plans[plan - 1].reallocates_budget:
            return 1.0
        placed = self.names.campaigns[c]
        place = placed.surface
        log_bid = float(self.board.log_bid[tick, c])
        if self.names.channels[int(self.variant[0].channel)] == placed.channel and self.variant[0].channel != NOBODY:
            log_bid += float(self.variant[0].log_bid_change)
        return self.plans[plan - 1].weight(
            people_by_geo(scenario, self.names.campaign_of(scenario, c)),
            throttle,
            log_bid - float(self.board.log_rival[tick, place]),
            scenario.surfaces[self.names.surfaces[place]].rival_sigma,
        )

    def flat_fee(self, tick: int, scenario: Scenario, c: int) -> int:
        """What campaign c owes for being on air in a tick, in micros; 0 unless it is paid by a flat fee."""
        campaign = self.names.campaign_of(scenario, c)
        if campaign.billing != "flat" or not self.board.throttle[tick, c] > 0.0:
            return 0
        days = float(self.board.starts[tick + 1] - self.board.starts[tick])
        return flat_fee_micros(campaign, days, scale_of(scenario) * self._spend_weight(tick, scenario, c))

    def _look_at_spend(self, tick: int, scenario: Scenario, before: Any, now: Any) -> None:
        day = float(self.board.starts[tick])
        done = {field: (now[field] - before[field]).tolist() for field in now.dtype.names}
        for c, placed in enumerate(self.names.campaigns):
            campaign = scenario.channels[placed.channel].campaigns[placed.name]
            fee = self.flat_fee(tick, scenario, c)
            change = {field: of_campaign[c] for field, of_campaign in done.items()}
            change["cost_micros"] += fee
            if campaign.daily_budget is not None:
                # What it would have cost without a geo test: the budget then falls and rises with the geos addressed.
                spend = self._spend(c, scenario, campaign, change) / self._spend_weight(tick, scenario, c)
                self.pacing[c].observe(spend, float(self.board.throttle[tick, c]), self._activity(tick))
            self.reports.append(
                TickReport(
                    tick=tick,
                    day=day,
                    period=self.clock.period(day),
                    channel=placed.channel,
                    campaign=placed.name,
                    bid=campaign.bid,
                    daily_budget=budget_per_day(scenario, c, self.names),
                    throttle=float(self.board.throttle[tick, c]),
                    **change,
                )
            )

    def _spend(self, c: int, scenario: Scenario, campaign: Campaign, change: dict[str, int]) -> float:
        """Cost of a tick as a campaign's pacing sees it, in currency: of fees, those that its impressions will bring."""
        spent = change["cost_micros"] / 1e6
        if campaign.billing not in FEE_BILLED:
            return spent
        each = fee(campaign, scenario)
        return self.pacing[c].fees_expected(spent, change["impressions"] * campaign.expected_action_rate * each, each)


def board_of(scenario: Scenario, names: Names, plans: Sequence[GeoPlan]) -> Board:
    """The board of a scenario on which nothing but the plans of its geo tests is published."""
    run, clock = scenario.run, Clock.of(scenario)
    board = blank_board(
        run.days, run.tick_hours / 24.0, len(names.surfaces), len(names.campaigns), len(names.creatives),
        len(names.geos), len(plans), start=clock.start, end=clock.end,
    )  # fmt: skip
    for p, plan in enumerate(plans, start=1):
        board.plan_spend[p] = plan.spend
        board.plan_log_bid[p] = np.log(plan.bid)
    return board


def scale_of(scenario: Scenario) -> float:
    """People simulated per person of the market the budgets are meant for."""
    return scenario.run.users / scenario.market.people


def budget_per_day(scenario: Scenario, c: int, names: Names) -> float | None:
    """Daily budget of campaign c for the people simulated, in currency; None without limit."""
    budget = names.campaign_of(scenario, c).daily_budget
    return None if budget is None else budget * scale_of(scenario)


def felt(variant: Any) -> Any:
    """What people feel of a change, VARIANT (1,): a changed budget reaches them through the market's pacing, not twice."""
    own = variant.copy()
    own.throttle_factor = 1.0
    return own


def no_change() -> Any:
    """The variant of the world as the scenario describes it, VARIANT (1,)."""
    return variants(1)


def variants(worlds: int) -> Any:
    """So many worlds without any change, VARIANT (worlds,)."""
    rows = record_array(worlds, VARIANT)
    rows.channel = NOBODY
    rows.throttle_factor = rows.share = 1.0
    rows.first_day, rows.last_day = -np.inf, np.inf
    return rows
