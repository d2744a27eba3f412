"""The desk: what an advertiser sees of the market at an hour (currency, counts, days), and what they can change."""

import math
import numbers
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import simpy

from cpalab.micros import MICROS
from cpalab.refusal import Problem, ScenarioError, did_you_mean
from simulator.market.advertiser.acts import (
    Value,
    channel_problems,
    checked_act,
    checked_lift_test,
    checked_rival_price,
)
from simulator.market.advertiser.lift_tests import LiftTestCounts, counted_arms
from simulator.market.advertiser.places import campaigns_at, one_campaign, places_of
from simulator.market.campaigns import on_air
from simulator.market.in_force import Act
from simulator.market.market import Market, budget_per_day, scale_of
from simulator.market.moments import PROCESS, Moment
from simulator.record.claims import SYSTEMS
from simulator.scenario.schema import Campaign, Scenario

if TYPE_CHECKING:
    from simulator.market.advertiser.reports import Reports


class Desk:
    """One advertiser's view of the running market, and their hands in it.

    A `place` is a channel (`"search"`), one of its campaigns (`"social.retargeting"`), or None for all. Windows reach from
    `since` up to and without `until`, by default from the first day of the warm-up to now; `days` counts back from now.
    Money, counts and budgets are those of the people simulated, as in market.parquet. What is changed holds from the next
    tick on, and stands on the timeline with the author's name.

    Attributes:
        author: who acts here.
        environment: the SimPy environment, to trace it as SimPy users do.
    """

    def __init__(self, market: Market, reports: "Reports", author: str, *, plays_rival: bool = False) -> None:
        self._market, self._reports, self._plays_rival = market, reports, plays_rival
        self.author = author
        self.environment = market.environment

    # ------------------------------------------------------------------ time

    @property
    def day(self) -> float:
        """Now, in days since the reported window began."""
        return float(self.environment.now)

    @property
    def days(self) -> float:
        """The end of the reported window, in days: processes are not resumed from then on."""
        return self._market.clock.days

    def timeout(self, days: float) -> simpy.Event:
        """An event that happens after so many days: `yield market.timeout(1)`.

        Raises:
            ScenarioError: the time is no number above 0.
        """
        wait = _number("days", days)
        if not (0.0 < wait < math.inf):
            raise ScenarioError([Problem("days", "must be a number above 0", repr(days), "write market.timeout(1)")])
        return Moment(self.environment, wait, PROCESS)

    @property
    def published(self) -> simpy.Event:
        """The event that happens when the market has published its next tick: `yield market.published`."""
        return self._market.published

    # ------------------------------------------------------------------ what is seen

    @property
    def scenario(self) -> Scenario:
        """The scenario as it was assumed, with what has been changed so far; budgets in it are for `market.people` people."""
        return self._market.in_force.planned

    @property
    def campaigns(self) -> tuple[str, ...]:
        """Every campaign, as `channel.campaign`."""
        return tuple(places_of(self._market.names))

    def bid(self, campaign: str) -> float:
        """The bid of one campaign as it is set, in currency."""
        return self._campaign(campaign)[1].bid

    def daily_budget(self, campaign: str) -> float | None:
        """The daily budget of one campaign as it is set, for the people simulated, in currency; None: without limit."""
        c, _ = self._campaign(campaign)
        return budget_per_day(self._market.in_force.planned, c, self._market.names)

    def is_paused(self, campaign: str) -> bool:
        """Whether one campaign is paused as it is set."""
        return self._campaign(campaign)[1].paused

    def limited_by_budget(self, campaign: str) -> bool:
        """Whether its budget kept one campaign that is on the air out of auctions in the last tick that has ended."""
        c, market = one_campaign(self._market.names, campaign), self._market
        ended = len(market.reports) // max(len(market.names.campaigns), 1) - 1
        if ended < 0 or not on_air(self._campaign(campaign)[1], float(market.board.starts[ended])):
            return False
        return float(market.board.throttle[ended, c]) < 1.0

    def creatives(self, campaign: str) -> dict[str, bool]:
        """The creatives of one campaign: name → whether it is on air as it is set."""
        made = self._campaign(campaign)[1].creatives
        return {name: not creative.shelved for name, creative in made.items()}

    def rival_price(self, surface: str) -> float:
        """The rivals' mean price of a thousand slots of a surface, as it is set: only who plays the rival sees it."""
        checked_rival_price(self._market.in_force.planned, surface, plays_rival=self._plays_rival)
        return self._market.in_force.planned.surfaces[surface].rival_cpm

    def spend(self, place: str | None = None, *, days: float | None = None, since: float | None = None,
              until: float | None = None) -> float:  # fmt: skip
        """What was charged in the ticks that begin in the window, the running one as far as it has come, in currency.

        Flat fees are charged when their tick ends.
        """
        return self._ledger("cost_micros", place, days, since, until) / MICROS

    def impressions(self, place: str | None = None, *, days: float | None = None, since: float | None = None,
                    until: float | None = None) -> int:  # fmt: skip
        """Ads shown in the ticks that begin in the window, the running one as far as it has come."""
        return self._ledger("impressions", place, days, since, until)

    def clicks(self, place: str | None = None, *, days: float | None = None, since: float | None = None,
               until: float | None = None) -> int:  # fmt: skip
        """Clicks in the ticks that begin in the window, the running one as far as it has come."""
        return self._ledger("clicks", place, days, since, until)

    def auctions(self, place: str | None = None, *, days: float | None = None, since: float | None = None,
                 until: float | None = None) -> int:  # fmt: skip
        """Auctions entered in the ticks that begin in the window, the running one as far as it has come."""
        return self._ledger("auctions", place, days, since, until)

    def conversions(self, system: str, place: str | None = None, *, days: float | None = None,
                    since: float | None = None, until: float | None = None) -> float:  # fmt: skip
        """Conversions that a system reports for the window at this hour, modelled ones included.

        The system books them as its rules say, knows those that have arrived, and will know more of the last days later.

        Args:
            system: platform (each its own claims), analytics, crm, crm_qualified, crm_closed or crm_kept.
            place, days, since, until: see the class.
        """
        rows = self._claims(system, place, days, since, until)
        return float((pc.sum(rows["conversions"]).as_py() or 0.0) + (pc.sum(rows["modelled"]).as_py() or 0.0))

    def conversion_value(self, system: str, place: str | None = None, *, days: float | None = None,
                         since: float | None = None, until: float | None = None) -> float:  # fmt: skip
        """Value that a system reports for the window at this hour, in currency; see `conversions`."""
        return (pc.sum(self._claims(system, place, days, since, until)["value_micros"]).as_py() or 0) / MICROS

    def cost_per_conversion(self, system: str, place: str | None = None, *, days: float | None = None,
                            since: float | None = None, until: float | None = None) -> float:  # fmt: skip
        """Spend ÷ reported conversions of the window, in currency; inf if none is reported, nan if nothing was spent."""
        spent = self.spend(place, days=days, since=since, until=until)
        counted = self.conversions(system, place, days=days, since=since, until=until)
        return spent / counted if counted > 0 else math.inf if spent > 0 else math.nan

    def lift_test(self, channel: str) -> LiftTestCounts:
        """People and conversions of both arms of a channel's lift test at this hour.

        Raises:
            ScenarioError: there is no such channel, its test has not begun, or it assigns cookies.
        """
        planned = self._market.in_force.planned
        if problems := channel_problems(planned, channel):
            raise ScenarioError(problems)
        self._market.catch_up()
        happened = self._reports.happened(self.day)
        return counted_arms(planned, channel, self._reports.users, happened, self.day)

    @property
    def oracle(self) -> "Oracle":
        """The truth, which no advertiser sees: for experiments that ask what acting on it would bring."""
        return Oracle(self._market, self._reports)

    # ------------------------------------------------------------------ what is done

    def set_bid(self, campaign: str, bid: float) -> None:
        """Bid so much, in the unit of the campaign's billing.

        Raises:
            ScenarioError: there is no such campaign, or the bid is impossible.
        """
        self._act(campaign, "bid", _number("bid", bid))

    def set_daily_budget(self, campaign: str, amount: float) -> None:
        """Spend at most so much a day on the people simulated, in currency.

        Raises:
            ScenarioError: there is no such campaign, it is paid by a flat fee, or the amount is impossible.
        """
        self._act(campaign, "daily_budget", _number("daily_budget", amount) / scale_of(self._market.in_force.scenario))

    def pause(self, campaign: str) -> None:
        """Take part in no auction until it is resumed."""
        self._act(campaign, "paused", True)

    def resume(self, campaign: str) -> None:
        """Take part in auctions again."""
        self._act(campaign, "paused", False)

    def set_end_day(self, campaign: str, day: float) -> None:
        """End the flight on a day that is still to come."""
        self._act(campaign, "end_day", _number("end_day", day))

    def set_audience(self, campaign: str, audience: str) -> None:
        """Show the ads to another audience; see `targeting.audience` of a scenario."""
        self._act(campaign, "targeting.audience", audience)

    def launch(self, campaign: str, creative: str) -> None:
        """Put a creative that lies on the shelf on air: new, and worn out by nobody."""
        self._act(campaign, f"creatives.{creative}.shelved", False)

    def retire(self, campaign: str, creative: str) -> None:
        """Take a creative off the air."""
        self._act(campaign, f"creatives.{creative}.shelved", True)

    def begin_lift_test(self, channel: str, days: float) -> None:
        """Withhold a channel's ads from its holdout for so many days, from the next tick on.

        The test lies prepared in the scenario (`channels.NAME.holdout` with `shelved = true`), and is begun once.

        Raises:
            ScenarioError: there is no such channel, or no such test on the shelf.
        """
        in_force, length = self._market.in_force, _number("days", days)
        checked_lift_test(in_force.planned, channel, length)
        self._check_time()
        first_day = float(self._market.board.starts[self._market.tick + 1])
        for name, value in (("start_day", first_day), ("end_day", first_day + length), ("shelved", False)):
            in_force.plan(Act(self.author, f"channels.{channel}.holdout.{name}", value))

    def set_rival_price(self, surface: str, cpm: float) -> None:
        """Let the rivals pay so much for a thousand slots of a surface, on average: only who plays the rival can.

        Raises:
            ScenarioError: there is no such surface, or this is the advertiser's desk.
        """
        in_force = self._market.in_force
        checked_rival_price(in_force.planned, surface, plays_rival=self._plays_rival)
        self._check_time()
        in_force.plan(Act(self.author, f"surfaces.{surface}.rival_cpm", _number("rival_cpm", cpm)))

    # ------------------------------------------------------------------ inside

    def _campaign(self, place: str) -> tuple[int, Campaign]:
        c = one_campaign(self._market.names, place)
        return c, self._market.names.campaign_of(self._market.in_force.planned, c)

    def _act(self, campaign: str, what: str, value: Value) -> None:
        c = one_campaign(self._market.names, campaign)
        self._check_time()
        in_force = self._market.in_force
        placed = self._market.names.campaigns[c]
        if checked_act(in_force.planned, placed, what, value, self.day):
            path = f"channels.{placed.channel}.campaigns.{placed.name}.{what}"
            in_force.plan(Act(self.author, path, value))

    def _check_time(self) -> None:
        if not 0.0 <= self.day < self.days:
            rule = f"lies outside of the reported window, day 0 to {self.days:g}: nothing can be changed"
            raise ScenarioError([Problem("market.day", rule, f"{self.day:g}", "run the market to day 0 first")])

    def _window(self, days: float | None, since: float | None, until: float | None) -> tuple[float, float]:
        """First moment and end of a window that lies in the past."""
        problems = []
        end = self.day if until is None else _number("until", until)
        if days is not None and since is not None:
            problems.append(Problem("days", "cannot be given beside since", repr(days), "give one of them"))
        first = float(self._market.clock.start) if since is None else _number("since", since)
        if days is not None:
            first = end - _number("days", days)
        if end > self.day:
            problems.append(Problem("until", f"has not come yet: it is day {self.day:g}", f"{end:g}"))
        if first > min(end, self.day):
            problems.append(
                Problem("days" if days is not None else "since", f"must lie before day {end:g}", f"{first:g}")
            )
        if problems:
            raise ScenarioError(problems)
        return first, end

    def _ledger(
        self, field: str, place: str | None, days: float | None, since: float | None, until: float | None
    ) -> int:
        market = self._market
        wanted = campaigns_at(market.names, place)
        first, end = self._window(days, since, until)
        keys = {(market.names.campaigns[c].channel, market.names.campaigns[c].name) for c in wanted}
        total = 0
        for report in reversed(market.reports):
            if report.day < first:
                break
            if report.day < end and (report.channel, report.campaign) in keys:
                total += getattr(report, field)
        begun = float(market.board.starts[market.tick]) if market.tick >= 0 else math.inf
        if first <= begun < end and len(market.reports) == market.tick * len(market.names.campaigns):
            market.catch_up()
            now = market.engine.ledger()
            total += sum(int(now[field][c] - market.ledger_before[field][c]) for c in wanted)
        return total

    def _claims(
        self, system: str, place: str | None, days: float | None, since: float | None, until: float | None
    ) -> pa.Table:
        if system not in SYSTEMS:
            raise ScenarioError(
                [Problem("system", "is no system of the record", repr(system), did_you_mean(str(system), SYSTEMS))]
            )
        names = self._market.names
        wanted = campaigns_at(names, place)
        first, end = self._window(days, since, until)
        self._market.catch_up()
        rows = self._reports.claims(self.day, first)
        mine = pc.and_(pc.greater_equal(rows["booked"], first), pc.less(rows["booked"], end))
        mine = pc.and_(mine, pc.equal(rows["system"].cast(pa.string()), system))
        if place is not None:
            mine = pc.and_(mine, pc.equal(rows["channel"].cast(pa.string()), names.campaigns[wanted[0]].channel))
            if "." in place:
                own = pc.equal(rows["campaign"].cast(pa.string()), names.campaigns[wanted[0]].name)
                mine = pc.and_(mine, pc.fill_null(own, False))
        return rows.filter(mine)


class Oracle:
    """What really happened so far; nobody in a real market has it."""

    def __init__(self, market: Market, reports: "Reports") -> None:
        self._market, self._reports = market, reports

    def events(self) -> pa.Table:
        """The event log up to now, the warm-up included (see `simulator.events`)."""
        self._market.catch_up()
        return self._reports.happened(float(self._market.environment.now))

    def orders(self, *, since: float = 0.0) -> int:
        """Conversions from a day on up to now, whoever caused them."""
        events = self.events()
        rows = pc.and_(
            pc.equal(events["kind"].cast(pa.string()), "conversion"), pc.greater_equal(events["time"], since)
        )
        return int(pc.sum(rows).as_py() or 0)


def _number(name: str, value: Any) -> float:
    """A number as it is given, be it NumPy's; other things are refused."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or math.isnan(float(value)):
        raise ScenarioError([Problem(name, "must be a number", repr(value))])
    return float(value)
