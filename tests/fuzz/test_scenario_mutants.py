"""Mutants of scenarios: what `check` accepts the run lives with, and what it refuses it refuses in words."""

import copy
import random
import warnings

import pytest

from cpalab.refusal import Refused
from experiments.comparison.comparison import compare
from simulator.scenario.loading import load_scenario, presets, source_text
from simulator.world import simulate

SMALL = {"run.users": 300, "run.days": 6.0}
SEED = 20261129
NUMBERS = (
    0, -1, 1, 2, 3, 100, 0.5, 1e-9, 1e-6, 1e-3, 1e3, 1e6, 1e7, 1e9, -0.0, 5e-324, 1e-300, 1e15, 1e300, 1.7e308,
    float("inf"), float("nan"), 2**31 - 1, 2**31, 2**63, 2**64, 10**400,
)  # fmt: skip
OTHERS = (True, "", "x", "../x", "\x1b[2J", "=1+1", [], {}, None, ["x"] * 50, {"a": 1}, b"x")
TEXT = (
    "[",
    "]",
    "{",
    "}",
    '"',
    "=",
    "\n",
    "[[",
    "1e400",
    "9" * 5000,
    "\x00",
    "nan",
    "0x" + "f" * 5000,
    "[" * 3000,
    "é",
    "#",
)


def places(value, before=()):
    """Every place in tables and lists, leaves and branches alike."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, own in entries:
        yield (*before, key)
        yield from places(own, (*before, key))


def mutant(tables, chance, numbers_only):
    """A copy with one to three values replaced, and where."""
    tables, where = copy.deepcopy(tables), {}
    for _ in range(chance.choice((1, 1, 2, 3))):
        *parents, last = place = chance.choice([place for place in places(tables) if place[0] not in ("run", "title")])
        branch = tables
        for key in parents:
            branch = branch[key]
        old = branch[last]
        if numbers_only and (isinstance(old, bool) or not isinstance(old, int | float)):
            continue
        value = chance.choice(NUMBERS if numbers_only or chance.random() < 0.6 else OTHERS)
        if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**70:
            value = float(value)
        branch[last] = where[place] = value
    return tables, where


@pytest.fixture(scope="module")
def originals():
    """Every preset with few people and days, all its defaults written out."""
    found = {}
    for name in presets():
        try:
            found[name] = load_scenario(name, SMALL).model_dump()
        except Refused:  # its timeline or tests need more days
            found[name] = load_scenario(name, {"run.users": 300}).model_dump()
    compare(simulate(load_scenario(found["dtc-apparel"])))  # compiled before anything is timed
    return {name: tables for name, tables in found.items() if tables["run"]["days"] <= 30.0}


def test_what_check_accepts_is_run_and_the_rest_is_refused_in_words(originals, mutants, watched):
    chance, faults, accepted = random.Random(SEED), [], 0

    def live(tables):
        nonlocal accepted
        scenario = load_scenario(tables)
        accepted += 1
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            comparison = compare(simulate(scenario))
        comparison.to_frame(), comparison.summary()

    for number in range(mutants(16)):
        name = chance.choice(sorted(originals))
        tables, where = mutant(originals[name], chance, numbers_only=number % 4 > 0)
        fault = watched(lambda tables=tables: live(tables))
        if fault:
            faults.append(f"{name} {where}: {fault}")
    assert not faults, "\n".join(faults)
    assert accepted > 0


def test_text_that_is_damaged_is_a_scenario_or_refused_in_words(mutants, watched, tmp_path):
    chance, faults = random.Random(SEED), []
    for _ in range(mutants(40)):
        text = source_text(chance.choice(sorted(presets())))
        for _ in range(chance.choice((1, 2, 5))):
            place = chance.randrange(len(text))
            text = text[:place] + chance.choice(TEXT) + text[place + chance.choice((0, 1, 20)) :]
        file = tmp_path / "mutant.toml"
        file.write_text(text, encoding="utf-8")
        fault = watched(lambda file=file: load_scenario(file))
        if fault:
            faults.append(f"{text[:200]!r}…: {fault}")
    assert not faults, "\n".join(faults)
