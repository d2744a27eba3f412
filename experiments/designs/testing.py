"""`check_design`: the public conformance suite of lift-test designs, which every built-in one passes and yours can.

In a test suite, one test per rule; the worlds are those of a small market with forty geos, simulated once per process:

    from experiments.designs.testing import design_checks

    @pytest.mark.parametrize("check", design_checks(), ids=lambda check: check.__name__)
    def test_my_design_conforms(check):
        check(MyDesign())
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from cpalab.refusal import LiftInputError, ScenarioError
from experiments.designs.design import LEVEL, Design, DesignReading
from experiments.truth.effects import Effect
from simulator.scenario.loading import load_scenario
from simulator.scenario.schema import Scenario
from simulator.world import World, simulate

__all__ = ["check_design", "design_checks"]

Check = Callable[[Design], None]

# A busy market: enough orders in few people that a test of any kind finds something.
MARKET: dict[str, Any] = {
    "run.users": 8_000,
    "run.days": 48.0,
    "population.need_per_day.mean": 0.1,
    "need.satiation_days": 2.0,
    "funnel.1.rate": 0.5,
    "funnel.2.rate": 0.4,
}
CHANNEL, OTHER = "social_prospecting", "video"
# Ads that are seen and do nothing.
IDLE: dict[str, Any] = {
    f"channels.{CHANNEL}.goodwill_per_impression": 0.0,
    f"channels.{CHANNEL}.annoyance_per_impression": 0.0,
    f"channels.{CHANNEL}.campaigns.lookalikes.click_through_rate": 0.0,
}
# What a test may change in a scenario: where tests are declared.
TEST_TABLES = ("geo_tests", "holdout")
# A sound interval of this level misses the truth once in ten thousand suites.
WIDE_LEVEL = 0.9999


def check_design(design: Design, *, unbiased: bool = True) -> None:
    """Check a design against every rule of the contract.

    Args:
        design: any object with the attributes and methods of `experiments.designs.design.Design`.
        unbiased: whether its readings are to hold its truth too; a design that is known to be biased passes without.

    Raises:
        AssertionError: naming every rule the design breaks, and how.
    """
    broken = []
    for check in design_checks(unbiased=unbiased):
        try:
            check(design)
        except Exception as error:  # a design that crashes breaks the rule like one that misreads
            said = f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else str(error)
            broken.append(f"{check.__name__}: {(check.__doc__ or '').splitlines()[0]}\n    {said}")
    if broken:
        raise AssertionError(f"{design!r} breaks {len(broken)} rules:\n" + "\n".join(broken))


def design_checks(*, unbiased: bool = True) -> tuple[Check, ...]:
    """Every check of the suite: each takes a design and raises where the design breaks its rule."""
    checks = (
        arranges_a_test_and_nothing_else,
        refuses_channels_that_cannot_be_tested,
        tests_of_two_channels_stand_side_by_side,
        reads_a_test_out,
        price_and_interval_agree,
        ads_without_effect_have_no_true_effect,
        same_world_same_reading,
        reading_changes_no_world,
    )
    return (*checks, reading_holds_its_truth) if unbiased else checks


def arranges_a_test_and_nothing_else(design: Design) -> None:
    """`arrange` gives a scenario that differs in its tests alone, and leaves the one it was given as it was."""
    _require(isinstance(design.name, str) and design.name != "", f"its name is {design.name!r}")
    _require(isinstance(design.factorial, bool), f"factorial is {design.factorial!r}, not True or False")
    scenario = _market()
    before = scenario.model_dump()
    arranged = design.arrange(scenario, CHANNEL)
    _require(isinstance(arranged, Scenario), f"arrange returned {type(arranged).__name__}")
    _require(scenario.model_dump() == before, "the scenario that was given is changed")
    after = arranged.model_dump()
    changed = [
        f"{table}.{name}" if isinstance(before[table], dict) else table
        for table in before
        for name in (before[table] if isinstance(before[table], dict) else [""])
        if _without_tests(_part(before, table, name)) != _without_tests(_part(after, table, name))
    ]
    _require(not [place for place in changed if place.partition(".")[0] not in TEST_TABLES], f"{changed} are changed")
    _require(design.arrange(scenario, CHANNEL) == arranged, "arranging twice gives two scenarios")


def refuses_channels_that_cannot_be_tested(design: Design) -> None:
    """A channel that does not exist, or buys no ads, is refused with a ScenarioError that says why."""
    for channel in ("no channel of this market", "direct"):
        try:
            design.arrange(_market(), channel)
        except ScenarioError as refusal:
            _require(bool(refusal.problems), f"{channel!r} is refused without a reason")
        else:
            raise AssertionError(f"{channel!r} is arranged without a word")


def tests_of_two_channels_stand_side_by_side(design: Design) -> None:
    """A factorial design keeps the test of one channel when another's is arranged, and reads both."""
    if design.factorial:
        both = design.arrange(design.arrange(_market(), CHANNEL), OTHER)
        turned = design.arrange(design.arrange(_market(), OTHER), CHANNEL)
        _require(both == turned, "which channel is arranged first makes a difference")
        world = _simulated(both.model_dump_json())
        _require(
            [design.read(world, name).channel for name in (CHANNEL, OTHER)] == [CHANNEL, OTHER], "it mixes them up"
        )


def reads_a_test_out(design: Design) -> None:
    """`read` gives a DesignReading that bears the design's name and the channel's, and has numbers."""
    reading, truth = _read(design)
    _require(isinstance(reading, DesignReading), f"read returned {type(reading).__name__}")
    told = (reading.design, reading.channel)
    _require(told == (design.name, CHANNEL), f"the reading is of {told}")
    _require(isinstance(truth, Effect), f"truth gave {type(truth).__name__}")
    _require(truth.channel == CHANNEL, f"the truth is of {truth.channel}")
    numbers = (reading.lift.difference, reading.cost.cost, reading.conversions_forgone, reading.test_cost)
    _require(all(map(math.isfinite, numbers)), f"its numbers are {numbers}")
    _require(reading.test_cost >= 0, f"the test cost {reading.test_cost}")
    _require(len(reading.to_frame()) == 1, "its table has not one row")
    spent = truth.cost_micros / 1e6
    _require(
        math.isclose(reading.cost.cost, spent, rel_tol=0.3, abs_tol=1.0),
        f"it prices ads that cost {spent:z,.0f} at {reading.cost.cost:z,.0f}: reading and truth speak of other ads",
    )


def price_and_interval_agree(design: Design) -> None:
    """P < 0.05, an interval without 0 and a bounded price come together."""
    reading, _ = _read(design)
    low, high = reading.lift.interval(LEVEL)
    _require(
        low <= reading.lift.difference <= high, f"{reading.lift.difference:z,.1f} is not in {low:z,.1f} to {high:z,.1f}"
    )
    apart = not reading.covers(0.0)
    _require((reading.lift.p_value() < 1 - LEVEL) == apart, f"p is {reading.lift.p_value():z.4g}")
    _require(reading.cost.bounded == apart, f"the price is {reading.cost.lower:z,.2f} to {reading.cost.upper:z,.2f}")


def ads_without_effect_have_no_true_effect(design: Design) -> None:
    """Ads that are seen and do nothing have a true effect of exactly 0."""
    world = _simulated(design.arrange(_market(idle=True), CHANNEL).model_dump_json())
    truth = design.truth(world, [CHANNEL])[CHANNEL]
    found = (truth.incremental_conversions, truth.incremental_value_micros)
    _require(found == (0, 0), f"the truth is {found[0]} conversions and {found[1]} micros of value")


def same_world_same_reading(design: Design) -> None:
    """Reading a world twice gives the same table, bit for bit."""
    world = _world(design)
    first, second = (design.read(world, CHANNEL).to_frame() for _ in range(2))
    _require(bool(first.equals(second)), "two readings differ")


def reading_changes_no_world(design: Design) -> None:
    """Neither the events nor the people of the world are changed by reading it."""
    world = _world(design)
    before = (world.events, world.users, world.scenario.model_dump_json())
    design.read(world, CHANNEL)
    after = (world.events, world.users, world.scenario.model_dump_json())
    _require(
        before[0].equals(after[0]) and before[1].equals(after[1]) and before[2] == after[2], "the world is changed"
    )


def reading_holds_its_truth(design: Design) -> None:
    """The reading's 99.99 % interval holds the design's own truth, with ads that do something and with ads that do not."""
    for idle in (False, True):
        reading, truth = _read(design, idle=idle)
        low, high = reading.lift.interval(WIDE_LEVEL)
        true = truth.incremental_conversions
        _require(
            low <= true <= high, f"the truth is {true:,}, the {WIDE_LEVEL:z.2%} interval {low:z,.1f} to {high:z,.1f}"
        )


def _market(*, idle: bool = False) -> Scenario:
    return load_scenario("dtc-geos", MARKET | (IDLE if idle else {}))


@lru_cache(maxsize=16)
def _simulated(scenario: str) -> World:
    """The world of a scenario in JSON: designs that arrange alike share it."""
    return simulate(Scenario.model_validate_json(scenario))


def _world(design: Design, *, idle: bool = False) -> World:
    return _simulated(design.arrange(_market(idle=idle), CHANNEL).model_dump_json())


def _read(design: Design, *, idle: bool = False) -> tuple[DesignReading, Effect]:
    world = _world(design, idle=idle)
    try:
        reading = design.read(world, CHANNEL)
    except LiftInputError as refusal:
        raise AssertionError(f"a market with forty geos is refused: {refusal}") from refusal
    return reading, design.truth(world, [CHANNEL])[CHANNEL]


def _part(tables: dict[str, Any], table: str, name: str) -> Any:
    return tables[table].get(name) if name else tables[table]


def _without_tests(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_tests(own) for name, own in value.items() if name not in TEST_TABLES}
    return value


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
