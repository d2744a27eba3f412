"""What the tracking must agree on with the rest of a scenario: names of channels, places, steps and faults; windows."""

from collections.abc import Iterable, Iterator

from cpalab.refusal import Problem, did_you_mean
from simulator.scenario.faults import BY_NAME, impossible
from simulator.scenario.schema import Scenario
from simulator.scenario.sellers import FEE_BILLING
from simulator.scenario.tracking import Outage

ACTIONS = ("order", "visit")


def tracking_inconsistencies(scenario: Scenario) -> Iterator[Problem]:
    """Every rule between the tracking and the other tables that the scenario breaks."""
    tracking = scenario.tracking
    geos, channels = scenario.population.geos, scenario.channels
    for name in tracking.consent.accept:
        yield from _known(f"tracking.consent.accept.{name}", name, "place", geos)
    for name in tracking.consent.asked:
        yield from _known("tracking.consent.asked", name, "place", geos)
    for name in tracking.transport.utm_mistyped:
        yield from _known(f"tracking.transport.utm_mistyped.{name}", name, "channel", channels)
    for name in tracking.transport.utm:
        yield from _known(f"tracking.transport.utm.{name}", name, "paid channel", scenario.paid_channels())
    actions = (*ACTIONS, *(step.name for step in scenario.funnel[:-1]))
    yield from _known("tracking.transport.action", tracking.transport.action, "action", actions)
    for number, outage in enumerate(tracking.transport.outages):
        yield from _outage(scenario, f"tracking.transport.outages.{number}", outage)
    yield from _platforms(scenario)
    yield from _flooding(scenario)
    if tracking.identity.clear_share + tracking.identity.serial_clear_share > 1:
        total = tracking.identity.clear_share + tracking.identity.serial_clear_share
        yield Problem("tracking.identity", "clear_share and serial_clear_share must add up to at most 1", f"{total:g}")
    for name, rule, value in impossible(tracking.faults):
        hint = "" if name in BY_NAME else did_you_mean(name, BY_NAME)
        yield Problem(f"tracking.faults.{name}", rule, value, hint)


def _platforms(scenario: Scenario) -> Iterator[Problem]:
    if scenario.tracking.platform.channels:
        yield Problem("tracking.platform.channels", "must be empty", hint="name channels in tracking.platforms.NAME")
    owner: dict[str, str] = {}
    for name, rules in scenario.tracking.platforms.items():
        place = f"tracking.platforms.{name}.channels"
        if not rules.channels:
            yield Problem(place, "must name at least one channel")
        for channel in rules.channels:
            yield from _known(place, channel, "paid channel", scenario.paid_channels())
            if channel in owner:
                yield Problem(place, f"belongs to platform {owner[channel]} already", repr(channel))
            owner[channel] = name


def _flooding(scenario: Scenario) -> Iterator[Problem]:
    flood = scenario.tracking.intrusion
    if flood.flood_channel is not None:
        paid = [
            name
            for name, channel in scenario.channels.items()
            if any(campaign.billing in FEE_BILLING for campaign in channel.campaigns.values())
        ]
        kind = "channel that is paid per lead, action or share of revenue"
        yield from _known("tracking.intrusion.flood_channel", flood.flood_channel, kind, paid)
    elif flood.flood_share > 0:
        rule, hint = "needs a flood_channel", "name the channel whose network reports clicks that nobody made"
        yield Problem("tracking.intrusion.flood_share", rule, f"{flood.flood_share:g}", hint)


def _outage(scenario: Scenario, place: str, outage: Outage) -> Iterator[Problem]:
    if outage.end_day <= outage.start_day:
        yield Problem(f"{place}.end_day", f"must be after start_day ({outage.start_day:g})", f"{outage.end_day:g}")
    for geo in outage.geos:
        yield from _known(f"{place}.geos", geo, "place", scenario.population.geos)
    for device in outage.devices:
        yield from _known(f"{place}.devices", device, "device", scenario.population.devices)


def _known(place: str, name: str, kind: str, names: Iterable[str]) -> Iterator[Problem]:
    if name not in set(names):
        yield Problem(place, f"is no {kind} of this scenario", repr(name), did_you_mean(name, names))
