"""The market: the SimPy model of everything people share: clock, flights, budgets, prices, season, experiments, timeline."""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import simpy

from simulator.calendar import operational_days
from simulator.law.board import Board
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
from simulator.market.pacing import Pacing
from simulator.scenario.build_law import Names, calendar_of
from simulator.scenario.clock import Clock
from simulator.scenario.schema import Campaign, Scenario
from simulator.scenario.timeline import Version


class Engine(Protocol):
    """A way to advance a population inside the market's environment."""

    def start(self, environment: simpy.Environment) -> None:
        """Set up processes before time begins."""

    def run_tick(self, until: float) -> None:
        """Make sure that all sessions before `until` happen before the clock gets there."""

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
        versions: Sequence[Version],
        names: Names,
        board: Board,
        variant: Any,
        plans: Sequence[GeoPlan] = (),
        *,
        progress: Callable[[float], None],
    ) -> None:
        self.versions, self.names, self.board, self.variant = versions, names, board, variant
        self.progress = progress
        self.epoch = 0
        self.clock = Clock.of(versions[0].scenario)
        self.calendar = calendar_of(versions[0].scenario)
        self.pacing = [Pacing() for _ in names.campaigns]
        self.competition = Competition(versions[0].scenario)
        self.geo_demand = GeoDemand(versions[0].scenario)
        self.plans = plans
        for p, plan in enumerate(plans, start=1):
            board.plan_spend[p] = plan.spend
            board.plan_log_bid[p] = np.log(plan.bid)
        self.reports: list[TickReport] = []
        self.environment = simpy.Environment(initial_time=float(board.starts[0]))

    def run(self, engine: Engine) -> None:
        """Let time pass from the first day of the warm-up to the last of the follow-up."""
        for epoch, version in enumerate(self.versions[1:], start=1):
            if version.day <= self.environment.now:
                self.epoch = epoch
            else:
                self.environment.process(self._change(epoch, version.day))
        self.environment.process(self._clock(engine))
        engine.start(self.environment)
        self.environment.run()

    def _change(self, epoch: int, day: float) -> Generator[simpy.Event, None, None]:
        """The scenario changes; the board shows it from the next tick on."""
        yield self.environment.timeout(day - self.environment.now)
        self.epoch = epoch

    def _clock(self, engine: Engine) -> Generator[simpy.Event, None, None]:
        """Each tick: publish, let people live, look at the spend."""
        starts = self.board.starts
        before = engine.ledger()
        for tick in range(len(starts) - 1):
            scenario = self.versions[self.epoch].scenario
            self._publish(tick, scenario)
            engine.run_tick(float(starts[tick + 1]))
            yield self.environment.timeout(float(starts[tick + 1] - starts[tick]))
            now = engine.ledger()
            self._look_at_spend(tick, scenario, before, now)
            before = now
            self.progress((tick + 1) / (len(starts) - 1))

    def _publish(self, tick: int, scenario: Scenario) -> None:
        day = float(self.board.starts[tick])
        days = float(self.board.starts[tick + 1]) - day
        season = season_on(scenario, day)
        board = self.board
        board.epoch[tick] = self.epoch
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
            fresh = last_fresh(creative, campaign, day, self.clock.start)
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

    def _look_at_spend(self, tick: int, scenario: Scenario, before: Any, now: Any) -> None:
        day = float(self.board.starts[tick])
        days = float(self.board.starts[tick + 1]) - day
        done = {field: (now[field] - before[field]).tolist() for field in now.dtype.names}
        for c, placed in enumerate(self.names.campaigns):
            campaign = scenario.channels[placed.channel].campaigns[placed.name]
            weight = self._spend_weight(tick, scenario, c)
            on_air_share = weight if self.board.throttle[tick, c] > 0.0 else 0.0
            fee = flat_fee_micros(campaign, days, scale_of(scenario) * on_air_share)
            change = {field: of_campaign[c] for field, of_campaign in done.items()}
            change["cost_micros"] += fee
            if campaign.daily_budget is not None:
                # What it would have cost without a geo test: the budget then falls and rises with the geos addressed.
                spend = self._spend(c, scenario, campaign, change) / weight
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


def scale_of(scenario: Scenario) -> float:
    """People simulated per person of the market the budgets are meant for."""
    return scenario.run.users / scenario.market.people


def budget_per_day(scenario: Scenario, c: int, names: Names) -> float | None:
    """Daily budget of campaign c for the people simulated, in currency; None without limit."""
    budget = names.campaign_of(scenario, c).daily_budget
    return None if budget is None else budget * scale_of(scenario)


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
