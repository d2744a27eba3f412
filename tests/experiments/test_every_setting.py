"""Every setting does something: each leaf of the schema, changed by itself, moves what happens or what is reported."""

import copy
import math
from typing import Literal, get_args, get_origin

import pytest

from cpalab.refusal import Refused
from experiments.cli.terminal import json_text
from experiments.cli.terminal_tables import comparison_as_json
from experiments.comparison.comparison import compare
from experiments.comparison.systems_report import systems_report
from simulator.scenario.dotted_places import _type_at  # the schema knows what is at a place
from simulator.scenario.loading import load_scenario
from simulator.storage import fingerprint
from simulator.world import simulate

# People who buy often, so that every effect shows in a moment.
BUSY = {
    "run.users": 1_500,
    "run.days": 12.0,
    "population.sessions_per_day.mean": 3.0,
    "population.need_per_day.mean": 0.1,
    "need.satiation_days": 2.0,
    "funnel.1.rate": 0.5,
    "funnel.2.rate": 0.4,
}
# For people only, and own code, which other tests try.
WORDS = {"title", "description", "timeline.*.note", "law.steps", "law.parameters"}


@pytest.fixture(scope="module")
def rich():
    """A scenario in which every table has entries: a season, robots, outages, a geo test, a timeline."""
    return load_scenario("dtc-apparel", BUSY).model_dump()


def generic(place):
    """The place in the schema: names that a scenario chose, and numbers of entries, as *."""
    parts = []
    for depth, key in enumerate(place):
        kind = _type_at([str(part) for part in place[:depth]])
        parts.append("*" if isinstance(key, int) or get_origin(kind) is dict else key)
    return ".".join(parts)


def leaves(value, before=()):
    if isinstance(value, dict) and value:
        for key, own in value.items():
            yield from leaves(own, (*before, key))
    elif isinstance(value, list) and value:
        for key, own in enumerate(value):
            yield from leaves(own, (*before, key))
    else:
        yield before, value


def others(place, value):
    """Other values that might be allowed there."""
    kind = _type_at([str(part) for part in place])
    if isinstance(value, bool):
        return [not value]
    if get_origin(kind) is Literal:
        return [word for word in get_args(kind) if word != value]
    if value is None or isinstance(value, int | float):
        base = 1.0 if value is None else float(value)
        tried = [base * 0.5, base * 2.0 + 0.25, 0.0, 0.6, 5.0]
        whole = isinstance(value, int) or kind is int
        return [math.floor(x) for x in tried if math.floor(x) != value] if whole else [x for x in tried if x != value]
    return []


def outcomes(tables):
    """What comes of a scenario, the cheap parts first."""
    scenario = load_scenario(tables)
    world = simulate(scenario)
    yield fingerprint(world.events)
    yield world.users.to_pandas().to_csv()
    yield fingerprint(world.market), fingerprint(world.timeline)
    found = systems_report(world)
    yield found.record.claims.to_pandas().to_csv()
    yield "".join(table.to_csv() for table in (found.channels, found.groups, found.postbacks, found.aggregate))
    yield json_text(comparison_as_json(compare(world)))


def acts(rich, expected, place, value):
    for other in others(place, value):
        tables = copy.deepcopy(rich)
        branch = tables
        for key in place[:-1]:
            branch = branch[key]
        branch[place[-1]] = other
        try:
            load_scenario(tables)
        except Refused:
            continue
        if any(found != before for found, before in zip(outcomes(tables), expected, strict=True)):
            return True
    return False


@pytest.mark.study
def test_every_setting_changes_something(rich):
    expected = list(outcomes(rich))
    places = {}
    for place, value in leaves(rich):
        if others(place, value):
            places.setdefault(generic(place), []).append((place, value))
    idle = [
        name
        for name, own in places.items()
        if name not in WORDS and not any(acts(rich, expected, *one) for one in own[:8])
    ]
    assert idle == []


def test_the_two_settings_that_did_nothing_act(rich):
    world = simulate(load_scenario(rich))
    coarse = copy.deepcopy(rich)
    coarse["tracking"]["aggregate"]["contribution"] = 10.0
    fine, rough = (systems_report(one).aggregate["value"] for one in (world, simulate(load_scenario(coarse))))
    assert (fine != rough).any()
    richer = copy.deepcopy(rich)
    richer["order"]["margin_share"] = 0.9
    profits = [
        [channel["incremental_profit"] for channel in comparison_as_json(compare(one))["channels"]]
        for one in (world, simulate(load_scenario(richer)))
    ]
    assert profits[0] != profits[1]
