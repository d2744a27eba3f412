"""Geo tests as plans: the factors by which a channel's spend and bids differ from geo to geo, stretch of days by stretch."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.draws import GEO_TEST, address_of, uniforms_at
from simulator.scenario.clock import Clock
from simulator.scenario.geo_tests import GeoTest
from simulator.scenario.schema import Campaign, Scenario

Factors = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GeoPlan:
    """What holds for one channel from `first_day` up to and without `last_day`.

    Attributes:
        spend: factor on the share of auctions entered in each geo (G,); 0 is dark.
        bid: factor on bids in each geo (G,).
        reallocates_budget: whether the budget stays whole.
    """

    channel: str
    first_day: int
    last_day: int
    spend: Factors
    bid: Factors
    reallocates_budget: bool

    def weight(self, people: Factors, throttle: float, margin: float, spread: float) -> float:
        """Expected spend over what it would be without the plan: Σ_g people_g × auctions_g × price_g.

        auctions_g = min(1, throttle × spend_g) / throttle; price_g = Φ(z + ln bid_g / σ) / Φ(z), the expected cost of an
        auction at a raised bid over that at the usual one, z = (ln bid - ln rival - σ²) / σ with a log-normal rival price.

        Args:
            people: share of the campaign's people in each geo (G,).
            throttle: share of auctions entered in a geo with factor 1.
            margin: logarithm of the bid less the mean logarithm of the rival price.
            spread: σ, standard deviation of the logarithm of the rival price.
        """
        if throttle <= 0.0:
            return 1.0
        auctions = np.minimum(1.0, throttle * self.spend) / throttle
        return float(people @ (auctions * [_price(margin, spread, factor) for factor in self.bid]))


def _price(margin: float, spread: float, bid_factor: float) -> float:
    if bid_factor == 1.0 or spread == 0.0:
        return 1.0
    z = margin / spread - spread
    usual = NormalDist().cdf(z)
    return NormalDist().cdf(z + math.log(bid_factor) / spread) / usual if usual > 0.0 else 1.0


def geo_plans(scenario: Scenario) -> tuple[GeoPlan, ...]:
    """Every stretch of days on which a geo test changes where a channel's ads are shown."""
    return tuple(plan for name, test in scenario.geo_tests.items() for plan in _plans(scenario, name, test))


def _plans(scenario: Scenario, name: str, test: GeoTest) -> Iterator[GeoPlan]:
    geos = list(scenario.population.geos)
    treated = np.isin(geos, treated_geos(scenario, name))
    usual, dark = np.ones(len(geos)), np.zeros(len(geos))

    def plan(first_day: int, last_day: int, spend: Factors, bid: Factors = usual) -> GeoPlan:
        return GeoPlan(test.channel, first_day, last_day, spend, bid, test.reallocates_budget)

    match test.kind:
        case "go_dark":
            yield plan(test.start_day, test.end_day, np.where(treated, 0.0, 1.0))
        case "heavy_up":
            spend = np.where(treated, test.spend_factor or 1.0, 1.0)
            yield plan(test.start_day, test.end_day, spend, np.where(treated, test.bid_factor, 1.0))
        case "holdback":
            yield plan(Clock.of(scenario).start, test.start_day, dark)
            yield plan(test.start_day, test.end_day, np.where(treated, 1.0, 0.0))
            yield plan(test.end_day, test.end_day + test.cooldown_days, dark)
        case "on_off":
            for first_day, last_day, on in on_off_blocks(scenario, name):
                if not on:
                    yield plan(first_day, last_day, dark)


def people_by_geo(scenario: Scenario, campaign: Campaign) -> Factors:
    """Of the people in the geos that a campaign targets, the share in each geo (G,)."""
    wanted = campaign.targeting.geos
    geos = scenario.population.geos
    people = np.array([geo.share if not wanted or name in wanted else 0.0 for name, geo in geos.items()])
    return np.asarray(people / max(people.sum(), 1e-300))


def treated_geos(scenario: Scenario, name: str) -> tuple[str, ...]:
    """The geos that a test treats, in the order of the scenario; all of them in an on_off test."""
    test, geos = scenario.geo_tests[name], list(scenario.population.geos)
    if test.kind == "on_off":
        return tuple(geos)
    if test.assignment == "listed":
        chosen = set(test.treated)
    elif test.assignment == "random":
        drawn = sorted(geos, key=lambda geo: _draw(scenario, name, address_of(geo)))
        chosen = set(drawn[: round(test.treated_share * len(geos))])
    else:
        # The geo whose draw is smaller, so that it does not matter which of the two comes first.
        chosen = {min(pair, key=lambda geo: _draw(scenario, name, address_of(geo))) for pair in pairs_by_size(scenario)}
    return tuple(geo for geo in geos if geo in chosen)


def pairs_by_size(scenario: Scenario) -> tuple[tuple[str, str], ...]:
    """Geos of neighbouring share of people, largest first; of an odd number the smallest is in no pair."""
    geos = scenario.population.geos
    order = sorted(geos, key=lambda geo: -geos[geo].share)
    return tuple(zip(order[::2], order[1::2], strict=False))


def on_off_blocks(scenario: Scenario, name: str) -> Iterator[tuple[int, int, bool]]:
    """First day, day after the last one, and whether ads are on, of each block of an on_off test."""
    test = scenario.geo_tests[name]
    length = test.block_days or 1
    for block, first_day in enumerate(range(test.start_day, test.end_day, length)):
        first_is_on = _draw(scenario, name, block // 2) < 0.5
        yield first_day, first_day + length, first_is_on == (block % 2 == 0)


def _draw(scenario: Scenario, name: str, block: int) -> float:
    # One type whatever the size of the seed: compiled code for small ones would not take the largest.
    seed: Any = np.uint64(scenario.run.seed)
    return uniforms_at(seed, 0, address_of(name), int(GEO_TEST), block)[0]
