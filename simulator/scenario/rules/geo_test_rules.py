"""Rules for geo tests: what they must agree on with the rest of a scenario and with each other."""

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from cpalab.refusal import Problem, did_you_mean
from simulator.scenario.clock import Clock
from simulator.scenario.geo_tests import GeoTest

if TYPE_CHECKING:
    from simulator.scenario.schema import Scenario


def geo_test_inconsistencies(scenario: "Scenario") -> Iterator[Problem]:
    """Every rule of geo tests that the scenario breaks."""
    population = scenario.population
    if population.travel_share > 0 and len(population.geos) < 2:
        yield Problem("population.travel_share", "needs two geos to travel between", f"{population.travel_share:g}")
    if not scenario.geo_tests:
        return
    if (24.0 / scenario.run.tick_hours) % 1.0:
        yield Problem(
            "run.tick_hours", "must divide a day where there are geo tests", f"{scenario.run.tick_hours:g}", "try 24"
        )
    for name, test in scenario.geo_tests.items():
        place = f"geo_tests.{name}"
        yield from _channel(scenario, place, test)
        yield from _days(scenario, place, test)
        yield from _on_off(place, test) if test.kind == "on_off" else _geos(scenario, place, test)
        yield from _heavy_up(place, test)
    yield from _overlaps(scenario)


def _channel(scenario: "Scenario", place: str, test: GeoTest) -> Iterator[Problem]:
    if test.channel not in scenario.channels:
        hint = did_you_mean(test.channel, scenario.paid_channels())
        yield Problem(f"{place}.channel", "is no channel of this scenario", repr(test.channel), hint)
    elif not scenario.channels[test.channel].campaigns:
        yield Problem(f"{place}.channel", "must have campaigns to be tested", repr(test.channel))


def _days(scenario: "Scenario", place: str, test: GeoTest) -> Iterator[Problem]:
    if test.start_day < 1:
        hint = "days before the test are what it is compared with"
        yield Problem(f"{place}.start_day", "must leave a day before the test", str(test.start_day), hint)
    if test.end_day <= test.start_day:
        yield Problem(f"{place}.end_day", f"must be after start_day ({test.start_day})", str(test.end_day))
    last = test.end_day + test.cooldown_days
    if last > scenario.run.days:
        hint = "move the test, or simulate more days"
        rule = f"must end, with its cool-down, within the run ({scenario.run.days:g} days)"
        yield Problem(f"{place}.end_day", rule, str(last), hint)


def _geos(scenario: "Scenario", place: str, test: GeoTest) -> Iterator[Problem]:
    geos = scenario.population.geos
    if test.block_days is not None:
        yield Problem(f"{place}.block_days", f"belongs to on_off tests, not to {test.kind}", str(test.block_days))
    if len(geos) < 2:
        yield Problem(
            f"{place}.kind", "needs at least two geos, one of them as a control", test.kind, "on_off needs one"
        )
        return
    if test.assignment != "listed":
        if test.treated:
            rule = f"must be left out where geos are drawn ({test.assignment})"
            yield Problem(f"{place}.treated", rule, ", ".join(test.treated), 'or set assignment = "listed"')
        number = round(test.treated_share * len(geos))
        if test.assignment == "random" and not 0 < number < len(geos):
            rule = f"must treat some of the {len(geos)} geos and leave some"
            yield Problem(f"{place}.treated_share", rule, f"{test.treated_share:g}")
        return
    for geo in test.treated:
        if geo not in geos:
            yield Problem(f"{place}.treated", "is no geo of this scenario", repr(geo), did_you_mean(geo, geos))
    if not test.treated:
        yield Problem(f"{place}.treated", "must name at least one geo", hint='or set assignment = "random"')
    elif set(geos) <= set(test.treated):
        yield Problem(f"{place}.treated", "must leave a geo as a control", hint="an on_off test treats all geos")


def _on_off(place: str, test: GeoTest) -> Iterator[Problem]:
    if test.treated or test.assignment != "listed":
        yield Problem(f"{place}.treated", "an on_off test treats all geos", hint="leave out treated and assignment")
    if test.block_days is None:
        yield Problem(f"{place}.block_days", "is needed in an on_off test", hint="7 keeps weekdays balanced")
        return
    days = test.end_day - test.start_day
    if days > 0 and (days % (2 * test.block_days) or days < 4 * test.block_days):
        rule = f"must divide the {days} days of the test into an even number of blocks, at least four"
        yield Problem(f"{place}.block_days", rule, str(test.block_days))


def _heavy_up(place: str, test: GeoTest) -> Iterator[Problem]:
    spend, bid = test.spend_factor, test.bid_factor
    if test.kind == "heavy_up":
        if (spend or 1.0) < 1.0 or bid < 1.0 or (spend or 1.0) * bid == 1.0:
            rule = "or bid_factor must be above 1 in a heavy_up test, and neither below"
            yield Problem(f"{place}.spend_factor", rule, hint="spend_factor = 2.0 doubles budgets")
    elif spend is not None or bid != 1.0:
        yield Problem(f"{place}.spend_factor", f"and bid_factor belong to heavy_up tests, not to {test.kind}")


def _overlaps(scenario: "Scenario") -> Iterator[Problem]:
    for (one, first), (other, second) in combinations(scenario.geo_tests.items(), 2):
        if first.channel != second.channel:
            continue
        begin = max(_first_day(scenario, first), _first_day(scenario, second))
        end = min(first.end_day + first.cooldown_days, second.end_day + second.cooldown_days)
        if begin < end:
            rule = f"must not overlap geo_tests.{one} on the same channel (days {begin} to {end})"
            yield Problem(f"geo_tests.{other}.start_day", rule, str(second.start_day))


def _first_day(scenario: "Scenario", test: GeoTest) -> int:
    """The first day on which the test decides who sees the ads."""
    return Clock.of(scenario).start if test.kind == "holdback" else test.start_day
