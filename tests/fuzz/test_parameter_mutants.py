"""Mutants of parameters: whatever a model, format, geo method, design or process is given, it is made or refused in words."""

import random

from attribution.formats.registry import FORMATS
from attribution.model import MODELS
from cpalab.own_code import load_own_code
from experiments.designs.registry import ALL_DESIGNS
from experiments.lift.geo.method import GEO_METHODS
from simulator.market.processes.registry import PROCESSES

SEED = 20261129
VALUES = (
    "x", "", b"x", None, True, [], ["a"], (), ("a", 1), {}, {"a": 1}, 0, -1, 1, 2.5, 1e-300, 1e300, 10**30,
    float("nan"), float("inf"),
    3 + 4j, object(), [[1]], {1, 2},
)  # fmt: skip


def test_a_plug_in_is_made_or_refused_in_words(mutants, watched):
    chance, faults = random.Random(SEED), []
    known = {}
    for registry in (MODELS, FORMATS, GEO_METHODS, ALL_DESIGNS, PROCESSES):
        for name, place in registry.built_in.items():
            if fields := getattr(load_own_code(place, current_folder=False), "__dataclass_fields__", {}):
                known[name] = (registry, sorted(fields))
    for _ in range(mutants(100)):
        name = chance.choice(sorted(known))
        registry, fields = known[name]
        given = {field: chance.choice(VALUES) for field in chance.sample(fields, 1)}
        fault = watched(lambda registry=registry, name=name, given=given: registry.find(name, **given))
        if fault:
            faults.append(f"{name}({given}): {fault}")
    assert not faults, "\n".join(faults)
