"""Mutants of parameters: whatever a model is given, it is made or refused in words."""

import importlib
import random

from attribution.model import MODELS, load_model

SEED = 20261129
VALUES = (
    "x", "", b"x", None, True, [], ["a"], (), ("a", 1), {}, {"a": 1}, 0, -1, 1, 2.5, 1e-300, 1e300, 10**30,
    float("nan"), float("inf"),
    3 + 4j, object(), [[1]], {1, 2},
)  # fmt: skip


def test_a_model_is_made_or_refused_in_words(mutants, watched):
    chance, faults = random.Random(SEED), []
    names = {}
    for name, where in MODELS.built_in.items():
        module, _, kind = where.partition(":")
        if fields := getattr(getattr(importlib.import_module(module), kind), "__dataclass_fields__", {}):
            names[name] = sorted(fields)
    for _ in range(mutants(100)):
        name = chance.choice(sorted(names))
        given = {field: chance.choice(VALUES) for field in chance.sample(names[name], 1)}
        fault = watched(lambda name=name, given=given: load_model(name, **given))
        if fault:
            faults.append(f"{name}({given}): {fault}")
    assert not faults, "\n".join(faults)
