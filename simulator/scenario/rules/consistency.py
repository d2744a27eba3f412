"""Consistency: what the tables of a scenario must agree on with each other."""

import math
from collections.abc import Iterable, Iterator

from cpalab.refusal import Problem, did_you_mean
from simulator.scenario.rules.geo_test_rules import geo_test_inconsistencies
from simulator.scenario.rules.tracking_rules import tracking_inconsistencies
from simulator.scenario.schema import Campaign, Channel, Creative, Holdout, Scenario, Surface

# A minute or two of all cores for each thousand million; what their events take in memory is the other limit.
MOST_SESSIONS = 5_000_000_000
# Currency units: thousands of such orders still add up exactly in 64-bit micros.
MOST_VALUE = 1e9
MOODS = ("out_of_market", "in_market", "visited", "late")


def inconsistencies(scenario: Scenario) -> list[Problem]:
    """Every rule between tables that the scenario breaks."""
    problems = [
        *_size(scenario),
        *_shares(scenario),
        *_surfaces(scenario),
        *_funnel(scenario),
        *_invalid_traffic(scenario),
    ]
    problems += [*tracking_inconsistencies(scenario), *geo_test_inconsistencies(scenario)]
    problems += _exclusive_holdouts(scenario)
    for name, channel in scenario.channels.items():
        problems += _channel(scenario, f"channels.{name}", name, channel)
    campaigns = [c for channel in scenario.channels.values() for c in channel.campaigns]
    if len(campaigns) > 60:
        problems.append(Problem("channels", "must hold at most 60 campaigns in all", str(len(campaigns))))
    return problems


def _size(scenario: Scenario) -> Iterator[Problem]:
    run, population, robots = scenario.run, scenario.population, scenario.invalid_traffic
    activity = math.fsum(segment.share * segment.activity for segment in population.segments.values())
    a_day = population.sessions_per_day.mean * activity + robots.robots_share * robots.sessions_per_day
    sessions = run.users * run.days * a_day
    if sessions > MOST_SESSIONS:
        places = "run.users, run.days, population.sessions_per_day.mean"
        yield Problem(
            places, f"must give at most {MOST_SESSIONS:,} sessions in all", f"{sessions:,.0f}", "choose fewer"
        )
    # Six standard deviations: one order in a thousand million is larger.
    value, spread = scenario.order.value, scenario.order.value.sigma + population.value_sigma
    largest = value.mean * max(s.value for s in population.segments.values()) * math.exp(min(6.0 * spread, 600.0))
    if largest > MOST_VALUE:
        yield Problem(
            "order.value", f"must not lead to single orders worth more than {MOST_VALUE:g}", f"up to {largest:.3g}",
            "money is summed in whole micros; lower mean, sigma, value_sigma or a segment's value, or use a larger unit",
        )  # fmt: skip


def _shares(scenario: Scenario) -> Iterator[Problem]:
    population = scenario.population
    sums = {
        "population.segments": math.fsum(segment.share for segment in population.segments.values()),
        "population.geos": math.fsum(geo.share for geo in population.geos.values()),
        "population.devices_per_person": math.fsum(population.devices_per_person),
    }
    for place, total in sums.items():
        if abs(total - 1.0) > 1e-6:
            yield Problem(place, "shares must add up to 1", f"{total:g}")
    if len(population.devices_per_person) > len(population.devices):
        yield Problem(
            "population.devices_per_person",
            "must not have more entries than population.devices has kinds",
            str(len(population.devices_per_person)),
        )


def _surfaces(scenario: Scenario) -> Iterator[Problem]:
    for name, surface in scenario.surfaces.items():
        yield from _visit_channel(scenario, f"surfaces.{name}", surface)
    for mood in MOODS:
        if not any(getattr(surface.weights, mood) > 0 for surface in scenario.surfaces.values()):
            yield Problem(f"surfaces.*.weights.{mood}", "must be above 0 for at least one surface", "0")


def _visit_channel(scenario: Scenario, place: str, surface: Surface) -> Iterator[Problem]:
    visits = any(getattr(surface.visit_share, mood) > 0 for mood in MOODS)
    if visits and surface.visit_channel is None:
        yield Problem(f"{place}.visit_channel", "is needed where visit_share is not zero", hint="name a channel")
    elif surface.visit_channel is not None:
        yield from _known(f"{place}.visit_channel", surface.visit_channel, "channel", scenario.channels)


def _funnel(scenario: Scenario) -> Iterator[Problem]:
    names = [step.name for step in scenario.funnel]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem("funnel", "each step needs a name of its own", name)


def _invalid_traffic(scenario: Scenario) -> Iterator[Problem]:
    robots = scenario.invalid_traffic
    for name in robots.surfaces:
        yield from _known(f"invalid_traffic.surfaces.{name}", name, "surface", scenario.surfaces)
    if robots.robots_share > 0 and not robots.surfaces:
        yield Problem("invalid_traffic.surfaces", "is needed where robots_share is above 0")


def _channel(scenario: Scenario, place: str, name: str, channel: Channel) -> Iterator[Problem]:
    if channel.surface is not None:
        yield from _known(f"{place}.surface", channel.surface, "surface", scenario.surfaces)
    elif channel.campaigns:
        yield Problem(f"{place}.surface", "is needed where a channel has campaigns", hint="name a surface")
    for other in channel.synergy:
        yield from _known(f"{place}.synergy.{other}", other, "channel", scenario.channels)
        if other == name:
            yield Problem(f"{place}.synergy.{other}", "must name another channel")
    yield from _holdout(f"{place}.holdout", channel.holdout)
    for campaign_name, campaign in channel.campaigns.items():
        yield from campaign_inconsistencies(scenario, f"{place}.campaigns.{campaign_name}", campaign)


def _holdout(place: str, holdout: Holdout) -> Iterator[Problem]:
    yield from _flight(place, holdout.start_day, holdout.end_day)
    if holdout.cooldown_days is not None and holdout.end_day is None and not holdout.shelved:
        yield Problem(f"{place}.cooldown_days", "needs an end_day", f"{holdout.cooldown_days:g}")
    if holdout.assignment == "person":
        return
    if holdout.design not in ("ghost_ads", "intention_to_treat"):
        hint = "assign by person, or choose intention_to_treat"
        yield Problem(f"{place}.design", f"cannot be assigned by {holdout.assignment}", holdout.design, hint)
    if holdout.group is not None:
        hint = "assign by person, or leave the group out"
        yield Problem(f"{place}.group", f"cannot be exclusive by {holdout.assignment}", holdout.group, hint)


def _exclusive_holdouts(scenario: Scenario) -> Iterator[Problem]:
    for group, members in scenario.holdout_groups().items():
        total = math.fsum(scenario.channels[name].holdout.share for name in members)
        if total > 1.0 + 1e-9:
            places = ", ".join(f"channels.{name}.holdout.share" for name in members)
            yield Problem(places, f"must add up to at most 1: nobody is in two arms of {group}", f"{total:g}")


def campaign_inconsistencies(scenario: Scenario, place: str, campaign: Campaign) -> Iterator[Problem]:
    """Every rule between a campaign's own values, and the market's, that it breaks."""
    yield from _flight(place, campaign.start_day, campaign.end_day)
    if campaign.billing == "revenue_share" and campaign.bid > 1:
        yield Problem(f"{place}.bid", "must be a share from 0 to 1 under revenue_share billing", f"{campaign.bid:g}")
    for name, creative in campaign.creatives.items():
        yield from _flight_of_creative(f"{place}.creatives.{name}", creative)
    targeting = campaign.targeting
    population = scenario.population
    for segment in targeting.segments:
        yield from _known(f"{place}.targeting.segments", segment, "segment", population.segments)
    for geo in targeting.geos:
        yield from _known(f"{place}.targeting.geos", geo, "geo", population.geos)
    for device in targeting.devices:
        yield from _known(f"{place}.targeting.devices", device, "device", population.devices)


def _flight(place: str, start_day: float | None, end_day: float | None) -> Iterator[Problem]:
    if end_day is not None and start_day is not None and end_day <= start_day:
        yield Problem(f"{place}.end_day", f"must be after start_day ({start_day:g})", f"{end_day:g}")


def _flight_of_creative(place: str, creative: Creative) -> Iterator[Problem]:
    if creative.end_day is not None and creative.end_day <= (creative.launch_day or 0.0):
        yield Problem(
            f"{place}.end_day", f"must be after launch_day ({creative.launch_day or 0:g})", f"{creative.end_day:g}"
        )


def _known(place: str, name: str, kind: str, names: Iterable[str]) -> Iterator[Problem]:
    if name not in set(names):
        yield Problem(place, f"is no {kind} of this scenario", repr(name), did_you_mean(name, names))
