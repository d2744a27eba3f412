"""Every number of a lesson for any settings, by cpalab's own engine: orders, credit, groups, bids, tests (currency units).

The page computes the same numbers in the browser; tests hold the two together.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from attribution.model import load_model
from attribution.models.rules.platform import PlatformClaims
from attribution.paths.build import build_paths
from attribution.paths.settings import PathSettings
from cpalab.micros import MICROS
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.user.user_test import UserLiftTest, user_holdout_test
from experiments.report.lessons.controls import beginning
from experiments.report.lessons.lesson import Lesson
from experiments.report.lessons.lesson_world import LessonWorlds, cost_micros, of_buyers, seen_ads
from experiments.truth.effects import Truth, measure_truth
from simulator.draws import ASSIGNMENT
from simulator.record.record_draws import draws_at
from simulator.record.systems.analytics_journeys import recorded_journeys
from simulator.world import World, between

Counts = npt.NDArray[np.int64]

VISITS_OF_REGULARS = 3


@dataclass(frozen=True)
class Reading:
    """A lesson's worlds, read under any settings.

    Attributes:
        lesson: which settings and panels it has.
        worlds: what happened, and what would have.
    """

    lesson: Lesson
    worlds: LessonWorlds

    def numbers(self, settings: Mapping[str, Any]) -> dict[str, float]:
        """All numbers that the lesson's panels show under these settings; those not given stand at their beginning."""
        chosen = self.beginning | dict(settings)
        found: dict[str, float] = {"orders": float(self.real_orders[""])}
        for panel in self.lesson.panels:
            match panel:
                case "credit":
                    found |= self.credit(chosen)
                case "compare":
                    found |= self.comparison(str(chosen["group"]))
                case "margin":
                    found |= self.margin(chosen)
                case "test":
                    found |= self.test_numbers(chosen)
        return found

    @property
    def people(self) -> int:
        """People of the market, robots not among them: as many as a test can have."""
        return self.worlds.fact.scenario.run.users

    @property
    def beginning(self) -> dict[str, Any]:
        """Every setting at its beginning."""
        return beginning(self.lesson.start, self.people)

    # ------------------------------------------------------------------------------------------------ credit

    @cached_property
    def real_orders(self) -> Mapping[str, int]:
        """Orders of visits of the reported window: with all ads (`""`), and by channel without its ads."""
        return {"": self._orders(self.worlds.fact)} | {
            channel: self._orders(world) for channel, world in self.worlds.without.items()
        }

    def _orders(self, world: World) -> int:
        return int(self._tracked(world, {"consent": 100.0, "cookie": 90.0})[1].num_rows)

    def spent(self, channel: str) -> float:
        """What was paid for a channel's ads."""
        return self._costs.get(channel, 0) / MICROS

    @cached_property
    def _costs(self) -> dict[str, int]:
        return cost_micros(self.worlds.fact)

    def extra_orders(self, channel: str) -> float:
        """Orders of these days that a channel's ads truly caused: with all ads minus without its own."""
        return float(self._truth.effect(channel).incremental_conversions)

    @cached_property
    def _truth(self) -> Truth:
        return measure_truth(self.worlds.fact, estimands=("average",), feedback="held")

    def credit(self, settings: Mapping[str, Any]) -> dict[str, float]:
        """Orders recorded, and credited to each channel (`credit.NAME`), in the world with all ads or without a channel's.

        One report: `build_paths` with the windows, every order seeing all touches before it, and a model. Each platform for
        itself: the claims of `PlatformClaims`. People without consent have neither touches nor orders; touches belong to
        the cookie or the log-in of the order, views to the person.
        """
        off = str(settings.get("off") or "")
        world = self.worlds.without[off] if off else self.worlds.fact
        found = self._credited(world, settings)
        return found | {"world": float(self.real_orders[off])}

    def _credited(self, world: World, settings: Mapping[str, Any]) -> dict[str, float]:
        touches, conversions = self._tracked(world, settings)
        names = world.names.channels
        view = float(settings["view"])
        if view > 0:
            touches = self._with_views(world, touches, conversions)
        paths_of = PathSettings(
            lookback_days=float(settings["lookback"]),
            view_lookback_days=view,
            touches="clicks_and_views" if view > 0 else "clicks",
            direct="ignored_unless_alone",
            after_conversion="touches_shared",
            nulls="none",
        )
        if settings["dedup"] == "each":
            claims = PlatformClaims(paths_of.lookback_days, view, platform_of={n: n for n in self._costs})
            paths_of = replace(paths_of, direct="kept", click_beats_view=False)
            credit = claims.credit(build_paths(touches, conversions, paths_of))
        else:
            paths = build_paths(touches, conversions, paths_of)
            credit = load_model(str(settings["model"])).fit(paths).credit(paths)
        got = dict(zip(credit.channels, credit.conversions.tolist(), strict=True))
        by_channel = {f"credit.{name}": float(got.get(name, 0.0)) for name in names}
        return {"recorded": float(conversions.num_rows), "claimed": math.fsum(by_channel.values())} | by_channel

    def _tracked(self, world: World, settings: Mapping[str, Any]) -> tuple[pa.Table, pa.Table]:
        """Touches and orders as recorded, with this consent (percent) and this life of cookies (days)."""
        tracking = world.scenario.tracking
        days = float(settings["cookie"])
        identity = tracking.identity.model_copy(
            update={"cookie_days": days, "cookie_days_safari": days, "cookie_days_safari_decorated": days}
        )
        consent = tracking.consent.model_copy(update={"share": float(settings["consent"]) / 100.0, "accept": {}})
        changed = tracking.model_copy(update={"identity": identity, "consent": consent})
        own = of_buyers(world)
        touches, orders = recorded_journeys(
            replace(own, scenario=own.scenario.model_copy(update={"tracking": changed}))
        )
        return touches.append_column("kind", pa.array(["click"] * touches.num_rows)), orders

    @staticmethod
    def _with_views(world: World, touches: pa.Table, orders: pa.Table) -> pa.Table:
        """The touches, and each person's views under every visitor of that person who orders."""
        visitor = orders["user_id"].to_numpy()
        pairs = np.unique(np.stack([visitor >> 24, visitor], axis=1), axis=0)
        views = seen_ads(of_buyers(world))
        user = views["user_id"].to_numpy().astype(np.int64)
        low, high = np.searchsorted(user, pairs[:, 0], "left"), np.searchsorted(user, pairs[:, 0], "right")
        rows = np.concatenate([np.arange(a, b) for a, b in zip(low, high, strict=True)] or [np.zeros(0, np.int64)])
        copied = views.take(pa.array(rows.astype(np.int64)))
        table = pa.table(
            {
                "user_id": np.repeat(pairs[:, 1], high - low),
                "time": copied["time"],
                "channel": copied["channel"],
                "kind": pa.array(["view"] * len(rows), pa.string()),
            }
        )
        return pa.concat_tables([touches, table])

    # ----------------------------------------------------------------------------------------------- compare

    def comparison(self, group: str) -> dict[str, float]:
        """How many of the people who saw the watched channel's ads ordered, and how many of those they are compared with."""
        people, on, off = self.cells
        exposed = (1, slice(None))
        compared = {"everyone": (0, slice(None)), "visitors": (0, slice(1, None)), "regulars": (0, slice(2, None))}
        other = (people[exposed], off[exposed]) if group == "themselves" else (
            people[compared[group]], on[compared[group]]
        )  # fmt: skip
        a, b = on[exposed].sum() / people[exposed].sum(), other[1].sum() / max(int(other[0].sum()), 1)
        return {
            "exposed.people": float(people[exposed].sum()),
            "exposed.orders": float(on[exposed].sum()),
            "compared.people": float(other[0].sum()),
            "compared.orders": float(other[1].sum()),
            "times": float(a / b) if b > 0 else math.inf,
        }

    @cached_property
    def cells(self) -> tuple[Counts, Counts, Counts]:
        """People, their orders, and their orders without the watched channel: (saw an ad, visits none / some / many)."""
        fact = self.worlds.fact
        users = fact.users.num_rows
        kind, channel, user = self._columns(fact)
        exposed = np.zeros(users, np.int64)
        exposed[user[(kind == "impression") & (channel == self.lesson.watched)]] = 1
        visits = np.bincount(user[kind == "visit"], minlength=users)
        often = (visits > 0).astype(np.int64) + (visits >= VISITS_OF_REGULARS)
        robot = fact.users["robot"].to_numpy(zero_copy_only=False)
        cell = (exposed * 3 + often)[~robot]

        def table(values: Counts) -> Counts:
            return np.bincount(cell, weights=values[~robot], minlength=6).astype(np.int64).reshape(2, 3)

        with_ads, without = self.by_person
        return table(np.ones(users, np.int64)), table(with_ads), table(without)

    @staticmethod
    def _columns(world: World) -> tuple[Any, Any, Counts]:
        events = between(world.events.select(["kind", "channel", "user_id", "time"]), 0.0, world.clock.days)
        words = [events[name].cast(pa.string()).to_numpy(zero_copy_only=False) for name in ("kind", "channel")]
        return words[0], words[1], events["user_id"].to_numpy().astype(np.int64)

    @cached_property
    def by_person(self) -> tuple[Counts, Counts]:
        """How often each person orders in the reported window (users,): with all ads, without the watched channel's."""

        def of(world: World) -> Counts:
            users = world.orders()["user_id"].to_numpy().astype(np.int64)
            return np.bincount(users, minlength=world.users.num_rows)

        return of(self.worlds.fact), of(self.worlds.without[self.lesson.watched])

    # ------------------------------------------------------------------------------------------------ margin

    @cached_property
    def ladder(self) -> tuple[tuple[float, int], ...]:
        """Spend and orders at each bid for the watched channel's ads, from none at all on."""
        watched = self.lesson.watched
        none = (cost_micros(self.worlds.without[watched])[watched] / MICROS, self.real_orders[watched])
        bids = ((cost_micros(world)[watched] / MICROS, self._orders(world)) for world in self.worlds.bids)
        return (none, *bids)

    def margin(self, settings: Mapping[str, Any]) -> dict[str, float]:
        """At this bid: spend, extra orders, their average cost, the last step's cost and orders, and the CPA credited."""
        rung = int(settings["bid"])
        spend, orders = self.ladder[rung + 1]
        below, fewer = self.ladder[rung]
        credited = self._credited(self.worlds.bids[rung], settings)[f"credit.{self.lesson.watched}"]
        return {
            "spend": spend,
            "happened": float(orders),
            "extra": float(orders - self.ladder[0][1]),
            "average": price(spend, orders - self.ladder[0][1]),
            "step.spend": spend - below,
            "step.orders": float(orders - fewer),
            "step.price": price(spend - below, orders - fewer),
            "margin.credit": credited,
            "margin.cpa": price(spend, credited),
        }

    # -------------------------------------------------------------------------------------------------- test

    def test(self, people: int, held: float, draw: int) -> UserLiftTest:
        """The test that this draw gives: so many people, this percentage held out from the watched channel's ads."""
        out = draws_at(draw, np.arange(people), 0, ASSIGNMENT)[0] < held / 100.0
        with_ads, without = self.by_person
        treated, control = with_ads[:people][~out], without[:people][out]
        cost = self._costs[self.lesson.watched] * len(treated) / self.worlds.fact.users.num_rows
        return user_holdout_test(
            ArmStatistics.from_values(treated), ArmStatistics.from_values(control), round(cost), method="welch"
        )

    def test_numbers(self, settings: Mapping[str, Any]) -> dict[str, float]:
        """What one test says beside what is true: arms, extra orders with a 95 % interval, the truth of these people."""
        people = int(settings["people"])
        test = self.test(people, float(settings["held"]), int(settings["draw"]))
        found = test.incremental_conversions
        low, high = found.interval(0.95)
        return {
            "treated.people": float(test.treated.users),
            "treated.orders": test.treated.sum,
            "control.people": float(test.control.users),
            "control.orders": test.control.sum,
            "found": found.difference,
            "low": low,
            "high": high,
            "cost": test.cost_micros / MICROS,
            "true": self.true_effect(people) * test.treated.users / people,
        }

    def true_effect(self, people: int) -> float:
        """Extra orders that the watched channel truly causes among the first so many people."""
        with_ads, without = self.by_person
        return float((with_ads - without)[:people].sum())


def price(spend: float, orders: float) -> float:
    """Spend over orders: infinite where money bought none, not a number where nothing was spent or orders were lost."""
    if orders > 0:
        return spend / orders
    return math.inf if orders == 0 and spend > 0 else math.nan
