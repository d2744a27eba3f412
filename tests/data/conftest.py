"""Worlds of the presets, each simulated and compared once per size."""

from functools import lru_cache

import pytest

from experiments.comparison.comparison import compare
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

# Seed 1 throughout: the presets' own. What another seed may do is said beside each tolerance.


@lru_cache(maxsize=8)
def _world(name, users):
    return simulate(load_scenario(name, {"run.users": users}), threads=2)


@lru_cache(maxsize=8)
def _comparison(name, users):
    return compare(_world(name, users), threads=2)


@pytest.fixture(scope="session")
def world_of():
    """The world of a preset with so many people."""
    return _world


@pytest.fixture(scope="session")
def comparison_of():
    """The main job's comparison of a preset with so many people."""
    return _comparison
