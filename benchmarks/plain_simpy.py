"""A market as one would write it in an afternoon: a SimPy process per person in plain Python (sessions and events, counted).

People have sessions at random, are somewhere, may be shown an ad, remember it for a while, may click or come on their own,
and may go down a funnel to an order. The channels, surfaces, prices and effects are those of a scenario, so that it does
the same kind of work as the compiled law; pacing, caps, experiments, second lives and reproducible draws are left out.
"""

import math
import random
from collections.abc import Generator
from dataclasses import dataclass, field

import simpy

from simulator.scenario.schema import Campaign, Channel, Scenario, Surface

MOODS = ("out_of_market", "in_market", "visited", "late")


@dataclass
class Person:
    """What one person is like and remembers."""

    sessions_per_day: float
    need_per_day: float
    mood: str = "out_of_market"
    depth: int = 0
    last_time: float = 0.0
    visited: bool = False
    goodwill: dict[str, float] = field(default_factory=dict)


class PlainMarket:
    """The market, with the log of what happened as a list of tuples (day, person, what, channel, amount)."""

    def __init__(self, scenario: Scenario, people: int, seed: int) -> None:
        self.scenario = scenario
        self.people = people
        self.random = random.Random(seed)
        self.environment = simpy.Environment()
        self.log: list[tuple[float, int, str, str, float]] = []
        self.sessions = 0
        self.spent_today: dict[str, float] = {}
        self.ads: dict[str, list[tuple[str, Channel, Campaign]]] = {name: [] for name in scenario.surfaces}
        for name, channel in scenario.channels.items():
            for campaign in channel.campaigns.values():
                self.ads[str(channel.surface)].append((name, channel, campaign))

    def run(self) -> None:
        """Let everyone live until the last day."""
        population = self.scenario.population
        for number in range(self.people):
            activity, need = population.sessions_per_day, population.need_per_day
            person = Person(
                self.log_normal(activity.mean, activity.sigma),
                self.log_normal(need.mean, need.sigma),
            )
            self.environment.process(self.life(number, person))
        self.environment.process(self.calendar())
        self.environment.run(until=self.scenario.run.days)

    def calendar(self) -> Generator[simpy.Event, None, None]:
        """Every morning the daily budgets are full again."""
        while True:
            self.spent_today = dict.fromkeys(self.scenario.channels, 0.0)
            yield self.environment.timeout(1.0)

    def log_normal(self, mean: float, sigma: float) -> float:
        """A log-normal number with this mean."""
        return self.random.lognormvariate(math.log(mean) - sigma**2 / 2, sigma)

    def life(self, number: int, person: Person) -> Generator[simpy.Event, None, None]:
        """One session after the other."""
        while True:
            yield self.environment.timeout(self.random.expovariate(person.sessions_per_day))
            self.sessions += 1
            self.session(number, person)

    def session(self, number: int, person: Person) -> None:
        """Drift, surface, ad, visit, funnel."""
        now = self.environment.now
        days = now - person.last_time
        person.last_time = now
        self.drift(person, days)
        where, surface = self.choose_surface(person)
        came_by = None
        ad = self.auction(person, surface, where)
        if ad is not None:
            name, channel, campaign, price = ad
            self.log.append((now, number, "impression", name, price))
            before = person.goodwill.get(name, 0.0)
            person.goodwill[name] = before + channel.goodwill_per_impression / (1 + before / channel.saturation)
            interest = getattr(self.scenario.interest, person.mood)
            if self.random.random() < campaign.click_through_rate * interest:
                self.log.append((now, number, "click", name, price / campaign.click_through_rate))
                came_by = name
        if came_by is None and self.random.random() < getattr(surface.visit_share, person.mood):
            came_by = str(surface.visit_channel)
        if came_by is not None:
            self.log.append((now, number, "visit", came_by, 0.0))
            self.visit(number, person, came_by)

    def drift(self, person: Person, days: float) -> None:
        """Goodwill fades; need arises or lapses."""
        for name, goodwill in person.goodwill.items():
            person.goodwill[name] = goodwill * 0.5 ** (days / self.scenario.channels[name].half_life_days)
        need = self.scenario.need
        if person.mood == "out_of_market":
            wanting = 1 + self.effect(person, "need_effect")
            if self.random.random() < 1 - math.exp(-person.need_per_day * wanting * days):
                person.mood = "in_market"
        elif self.random.random() < 1 - math.exp(-(need.lapse_per_day + need.rival_per_day) * days):
            person.mood, person.depth = "out_of_market", 0

    def effect(self, person: Person, which: str) -> float:
        """Goodwill of all channels, each times its effect."""
        channels = self.scenario.channels
        return sum(float(getattr(channels[name], which)) * goodwill for name, goodwill in person.goodwill.items())

    def choose_surface(self, person: Person) -> tuple[str, Surface]:
        """Where the person is."""
        upstream = self.effect(person, "upstream_effect")
        surfaces = self.scenario.surfaces
        weights = [
            getattr(surface.weights, person.mood) * (1 + surface.goodwill_pull * upstream)
            for surface in surfaces.values()
        ]
        name = self.random.choices(list(surfaces), weights)[0]
        return name, surfaces[name]

    def auction(self, person: Person, surface: Surface, where: str) -> tuple[str, Channel, Campaign, float] | None:
        """The ad that wins the slot and what it pays for it, if there is a slot and anyone beats the rivals."""
        if not self.ads[where] or self.random.random() >= surface.slot_share:
            return None
        price = self.log_normal(surface.rival_cpm / 1000, surface.rival_sigma)
        bids = [
            (self.worth(campaign), (name, channel, campaign))
            for name, channel, campaign in self.ads[where]
            if self.may_bid(person, name, campaign)
        ]
        worth, best = max(bids, key=lambda entry: entry[0], default=(0.0, None))
        if best is None or worth <= price:
            return None
        self.spent_today[best[0]] += price
        return (*best, price)

    def may_bid(self, person: Person, name: str, campaign: Campaign) -> bool:
        """Whether a campaign has budget left today and wants this person."""
        if campaign.targeting.audience == "visitors" and not person.visited:
            return False
        scale = self.people / self.scenario.market.people
        return campaign.daily_budget is None or self.spent_today[name] < campaign.daily_budget * scale

    def worth(self, campaign: Campaign) -> float:
        """What an impression is worth to a campaign, in currency."""
        match campaign.billing:
            case "cpm":
                return campaign.bid / 1000
            case "cpc":
                return campaign.bid * campaign.click_through_rate
            case "revenue_share":
                return campaign.bid * self.scenario.order.value.mean * campaign.expected_action_rate
            case "flat":
                return math.inf
            case _:
                return campaign.bid * campaign.expected_action_rate

    def visit(self, number: int, person: Person, came_by: str) -> None:
        """Down the funnel until a step fails."""
        person.visited = True
        need = self.scenario.need
        if person.mood == "out_of_market" and self.random.random() >= need.aroused_by_visit:
            return
        direct = self.effect(person, "direct_effect")
        steps = self.scenario.funnel
        while person.depth < len(steps):
            step = steps[person.depth]
            if self.random.random() >= step.rate * (1 + step.goodwill_response * direct):
                break
            person.depth += 1
            self.log.append((self.environment.now, number, step.name, came_by, 0.0))
        if person.depth == len(steps):
            value = self.scenario.order.value
            order = self.log_normal(value.mean, value.sigma)
            self.log.append((self.environment.now, number, "conversion", came_by, order))
            person.mood, person.depth = "out_of_market", 0
        else:
            person.mood = "late" if person.depth == len(steps) - 1 else "visited"
