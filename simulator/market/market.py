"""The market: the SimPy model of everything people share: clock, flights, budgets, prices, season, experiments, timeline."""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import simpy

from cpalab.micros import MICROS
from simulator.law.board import Board
from simulator.law.state import NOBODY, VARIANT, record_array
from simulator.market.campaigns import (
    Pacing,
    flat_fee_micros,
    freshness,
    live_creatives,
    log_bid_per_impression,
    log_rival_price,
    on_air,
)
from simulator.market.competition import Competition, season_on
from simulator.market.geo_demand import GeoDemand
from simulator.market.geo_tests import GeoPlan, people_by_geo
from simulator.market.holdouts import is_running
from simulator.scenario.build_law import Names
from simulator.scenario.schema import Scenario
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
    """What one campaign did in one tick. Money in micros; `bid` and `daily_budget` in currency as in the scenario."""

    tick: int
    day: float
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
        self.pacing = [Pacing() for _ in names.campaigns]
        self.competition = Competition(versions[0].scenario)
        self.geo_demand = GeoDemand(versions[0].scenario)
        self.plans = plans
        for p, plan in enumerate(plans, start=1):
            board.plan_spend[p] = plan.spend
            board.plan_log_bid[p] = np.log(plan.bid)
        self.reports: list[TickReport] = []
        self.environment = simpy.Environment()

    def run(self, engine: Engine) -> None:
        """Let time pass from day 0 to the end."""
        for epoch, version in enumerate(self.versions[1:], start=1):
            self.environment.process(self._change(epoch, version.day))
        self.environment.process(self._clock(engine))
        engine.start(self.environment)
        self.environment.run()

    def _change(self, epoch: int, day: float) -> Generator[simpy.Event, None, None]:
        """The scenario changes; the board shows it from the next tick on."""
        yield self.environment.timeout(day)
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
        board.need_season[tick] = season.need * self.geo_demand.factors(int(day))
        for s, surface in enumerate(self.names.surfaces):
            log_factor = math.log(season.rival_price) + self.competition.log_factor(surface, tick)
            board.log_rival[tick, s] = log_rival_price(scenario, surface) + log_factor
        for k, channel in enumerate(scenario.channels.values()):
            if channel.campaigns and is_running(channel.holdout, day):
                board.holdouts[tick] |= np.uint32(1 << k)
        for c in range(len(self.names.campaigns)):
            self._publish_campaign(tick, scenario, c, day, days)

    def _publish_campaign(self, tick: int, scenario: Scenario, c: int, day: float, days: float) -> None:
        placed = self.names.campaigns[c]
        channel = scenario.channels[placed.channel]
        campaign = channel.campaigns[placed.name]
        k = self.names.channels.index(placed.channel)
        board, variant = self.board, self.variant[0]
        live = live_creatives(campaign, day)
        board.live_creatives[tick, c] = live
        board.log_bid[tick, c] = log_bid_per_impression(campaign, scenario.order)
        for r, creative in enumerate(campaign.creatives_by_launch().values(), start=placed.first_creative):
            board.freshness[tick, r] = freshness(channel, creative.launch_day, day)
        plan = board.geo_plan[tick, c] = self._plan_on(placed.channel, day)
        dark = plan > 0 and not people_by_geo(scenario, campaign) @ self.plans[plan - 1].spend
        if live and on_air(campaign, day) and not dark and not (int(variant.off) >> k) & 1:
            budget = budget_per_day(scenario, c, self.names)
            if budget is not None and variant.channel == k:
                budget *= float(variant.throttle_factor)
            board.throttle[tick, c] = self.pacing[c].next_share(budget, days)

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
        place = self.names.campaigns[c].surface
        return self.plans[plan - 1].weight(
            people_by_geo(scenario, self.names.campaign_of(scenario, c)),
            throttle,
            float(self.board.log_bid[tick, c] - self.board.log_rival[tick, place]),
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
            # What it would have cost without a geo test: the budget then falls and rises with the geos addressed.
            self.pacing[c].observe(change["cost_micros"] / MICROS / weight, float(self.board.throttle[tick, c]))
            self.reports.append(
                TickReport(
                    tick=tick,
                    day=day,
                    channel=placed.channel,
                    campaign=placed.name,
                    bid=campaign.bid,
                    daily_budget=budget_per_day(scenario, c, self.names),
                    throttle=float(self.board.throttle[tick, c]),
                    **change,
                )
            )


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
    rows.throttle_factor = 1.0
    return rows
